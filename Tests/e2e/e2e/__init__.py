"""The programs that the tests drive: the product, publishers, viewers, a browser."""

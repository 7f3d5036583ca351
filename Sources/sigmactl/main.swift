import SigmaOperator

runOperator()

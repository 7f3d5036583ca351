extension LoadOptions {
    package static let usage = """
        usage: sigma-load [--whip URL [--token TOKEN]] [--whep URL [--viewers 1]] [--seconds 10] [--json]

        Publishes to and watches from a WHIP and WHEP server over http, and measures. Whoever joins has a UDP
        socket of his own. A few viewers decrypt; the packets of the others are counted by their RTP headers.

          --whip URL               publish H.264 and Opus there; {} is the number of the room
          --whep URL               watch there; {} likewise
          --token TOKEN            bearer token
          --viewers N              1; with --whip and 0 nobody watches
          --rooms R                1; a publisher each, the viewers spread over them

         what is published
          --bitrate BIT/S          2500000
          --fps N                  30
          --keyframe-interval S    2; keyframes asked for come besides
          --payload OCTETS         of the largest RTP payload, 1100
          --pacing burst|paced     a picture's packets at once, or spread over its time as browsers do (--shape)
          --cut full|even          full packets and a shorter last one, or lengths that differ by one octet: even
          --file PATH              an H.264 file (Annex B, no B-frames), over and over, at --fps

         when
          --joins N                under way at one time: 1, with a rate 256
          --rate N                 joins begun per second; 0: whenever --joins lets one
          --warmup S               from the last viewer's connection to the window, 2
          --seconds S              of the window that is measured, 10
          --churn N                viewers per second that leave within the window, each replaced by a new one
          --connects N             joins within the window that leave at their first packet; it lasts until they
                                   are done
          --connect-rate N         of these per second
          --connect-only N         the same without viewers

         how
          --srtp gcm|cm            offer only this SRTP profile
          --setup actpass|active|passive
                                   a=setup of the offers
          --sample N|1/N|all       viewers that decrypt, 4: these give latency, frames and damage
          --pid PID                of a server process: its CPU time and memory; repeatable (--server-pid)
          --json                   one JSON object instead of a table
          --progress               a line a second on stderr; on a terminal always

        Exit code: 0 when everyone connected, 1 when somebody did not, 64 for a mistake in the options.
        """
}

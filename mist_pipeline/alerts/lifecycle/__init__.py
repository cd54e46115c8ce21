"""What happens to alerts and incidents when an evaluation shows something: pure, with the clock handed in.

Here belong the values (`model`), what findings say together (`signals`), what was read and known of sites (`seen`), what
evaluations show (`observations`), rules and times (`policy`), whether a trouble is one that is known (`returns`), what several families of a
site show of one (`parts`), the life of one alert (`lifecycle`), grouping by cause (`grouping`), state from events (`projection`), one evaluation of everything
(`evaluation`) and evaluations of the past (`replay`).

Not here: who is notified (``notify``) and where anything is stored (``ledger``).
"""

"""What did each rule see, in a sentence with its numbers?

Here: the rules about service levels, sites and the organisation, their inputs, and the table of findings. Not here: the
analyses that rules read (the rooms beside this one), the steps that lead to their inputs (``analysis.detection``), and
whether people are notified (``alerts``).
"""

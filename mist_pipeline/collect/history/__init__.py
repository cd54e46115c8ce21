"""The rows of the history tables for given days, made from raw answers.

Scores by hour and day, classifiers, sites, devices and alarms belong here; all of it is pure but for reading the raw
store. Nothing is fetched (`collect.fetch`), stored (`warehouse`) or rated (`analysis`).
"""

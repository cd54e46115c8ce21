"""What tests of the configuration share: whole configurations as texts. Not here: the tests themselves."""

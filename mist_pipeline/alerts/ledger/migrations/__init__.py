"""How the ledger gets from one version to the next. Each version is one file in `versions`; nothing else belongs here."""

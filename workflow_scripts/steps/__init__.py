"""The steps of a study: what each kind of job makes, from what, with which settings. A module per file of rules."""

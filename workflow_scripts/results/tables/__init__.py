"""One module a table; each reads trainings and metric tables and writes CSV and Markdown."""

"""The page that is sent to a colleague: `results/STUDY/report.html`."""

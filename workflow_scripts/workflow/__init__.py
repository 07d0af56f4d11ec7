"""How a declaration becomes a job of Snakemake: steps, their files, their keys, their surroundings."""

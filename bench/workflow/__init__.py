"""What Snakemake is told: targets, inputs and fingerprints of a plan, how it is launched, how long the rest will take.

File lists and strings enter the Snakefile from here. Nothing is measured or rendered, and Snakemake itself is
imported nowhere but where it is started.
"""

"""The contracts: what the services owe each other and the world. Opens nothing, imports none of ours."""

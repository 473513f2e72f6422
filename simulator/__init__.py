"""The three providers' wire APIs and a handset network on one port, with scripted faults.

Written from the providers' public documents, and from nothing of ours: it is the other side of
the wire, and the judge of what handsets received. `python -m simulator --config FILE` starts it.
"""

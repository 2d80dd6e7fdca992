"""Parts of a SONiC that run on any Linux: its databases in a real Redis, filled for a number of ports, and stand-ins for
the daemons that turn them into a bridge's VLANs (vlanmgrd.py) and fill them with what the switch sees (syncd.py)."""

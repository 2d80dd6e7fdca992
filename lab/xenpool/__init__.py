"""A XenServer or XCP-ng pool that a test can use: see README.md."""

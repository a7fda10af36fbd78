"""A registry of certificates: a folder of what implementations handed in, verified again, as a static site.

`folder` finds certificates and keys, `examine` verifies one certificate, `build` all of them, `site` writes the pages.
"""

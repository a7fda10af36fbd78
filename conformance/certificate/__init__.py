"""Certificates: a run's verdict, signed, so that somebody else can check it.

A certificate is an in-toto Statement (v1) with a test-result predicate (v0.1), in a DSSE envelope with the
signature of who made it and perhaps those of witnesses, Ed25519 or ECDSA over P-256. It vouches for the run's two files
by their digests.

- `keys`: making, reading, signing, verifying
- `envelope`: DSSE, and the one form that a certificate's file has
- `evidence`: a run's folder, whole and judged anew
- `known_checks`: the checks of a record, compared with those of this build
- `exchanges`: the exchanges of a record, judged anew as far as that needs nothing but themselves
- `extent`: how far a run went
- `reading`: regular files up to a limit, and one dialect of JSON
- `statement`: what is signed, from a run; what it claims, read back
- `witness`: which CI job, if any, the signer says it is
- `issue` and `verify`: makes a certificate, and verifies it
"""

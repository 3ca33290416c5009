#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Opens sealed session keys, given on standard input, with the password of the credential, given in PASSWORD."""
import json, os, sys, time
from jwcrypto import common, jwe, jwk

container = jwe.JWE(algs=["PBES2-HS256+A128KW", "A256GCM"])
try:
    container.deserialize(sys.stdin.read().strip(), jwk.JWK.from_password(os.environ["PASSWORD"]))
except common.JWException:
    sys.exit("the container cannot be opened")
if json.loads(container.objects["protected"])["exp"] <= time.time():
    sys.exit("the container cannot be opened")
for media in json.loads(container.payload)["media"]:
    print(media["index"], media["suite"], "send", media["send"], "receive", media["receive"])

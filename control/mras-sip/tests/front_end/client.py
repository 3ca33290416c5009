# SPDX-License-Identifier: MIT OR Apache-2.0
"""A front end in a few lines: asks for credentials for one participant, then sends a keep-alive.

client.py PORT AUTHORITY [CERTIFICATE KEY]
"""

import socket
import ssl
import sys
import xml.etree.ElementTree as ElementTree

NAMESPACE = "http://schemas.microsoft.com/2006/09/sip/mrasp"

port, authority, *client = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
if client:
    context.load_cert_chain(*client)

body = f"""<?xml version="1.0" encoding="utf-8"?>
<request requestID="1" version="2.0" from="sip:w@culvert.test" to="sip:mras@culvert.test" xmlns="{NAMESPACE}">
  <credentialsRequest credentialsRequestID="1">
    <identity>sip:w@culvert.test</identity>
    <location>internet</location>
  </credentialsRequest>
</request>""".encode()
head = f"""SERVICE sip:mras@culvert.test SIP/2.0
Via: SIP/2.0/TLS localhost:5061;branch=z9hG4bKpython
From: <sip:w@culvert.test>;tag=1
To: <sip:mras@culvert.test>
Call-ID: python
CSeq: 1 SERVICE
Max-Forwards: 70
Content-Type: application/msrtc-media-relay-auth+xml
Content-Length: {len(body)}

""".replace("\n", "\r\n").encode()

with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as tcp:
    with context.wrap_socket(tcp, server_hostname="localhost") as stream:
        stream.sendall(head + body)
        reader = stream.makefile("rb")
        status = reader.readline().decode().strip().removeprefix("SIP/2.0 ")
        headers = {}
        while line := reader.readline().decode().strip():
            name, value = line.split(": ", 1)
            headers[name] = value
        response = ElementTree.fromstring(reader.read(int(headers["Content-Length"])))
        assert response.tag == f"{{{NAMESPACE}}}response", response.tag
        paths = ["username", "password", "duration", "realm", "hostName", "udpPort", "tcpPort"]
        values = [response.findtext(f".//{{{NAMESPACE}}}{path}") for path in paths]
        print(f"{status}:", response.get("reasonPhrase"), *values)
        stream.sendall(b"\r\n\r\n")
        assert reader.read(2) == b"\r\n"
        print("pong")

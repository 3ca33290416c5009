#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""One end of a call: plays a WAV file and records what it hears, on one UDP port.

Line-delimited JSON on standard input. The first line is the configuration:

  name           for messages
  address, port  where it sends from and receives on
  remote         [address, port], or null for a listener that sends nothing
  play           WAV file to send (8000 Hz, mono, 16 bit), when there is a remote
  record         WAV file for what was heard
  suite          RFC 4568 name, or null for plain RTP
  send_key       hex of master key and salt
  receive_key    hex of master key and salt
  ssrc           of what it sends
  sequence       first RTP sequence number
  copy_to        list of [address, port] that get a copy of every packet as it arrived

Then commands: {"do": "play"}, {"do": "send_key", "key": hex}, {"do": "finish"}.

Standard output has events, one JSON object per line: ready, playing, played, key_changed, finished, failed.
Keys come by standard input because arguments can be read by every user of the machine.
"""

import json
import socket
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gio, GLib, Gst  # noqa: E402

# RFC 4568 name -> (cipher, authentication) as GStreamer's srtp plugin names them.
SUITES = {
    "AES_CM_128_HMAC_SHA1_80": ("aes-128-icm", "hmac-sha1-80"),
    "AES_CM_128_HMAC_SHA1_32": ("aes-128-icm", "hmac-sha1-32"),
    "AES_256_CM_HMAC_SHA1_80": ("aes-256-icm", "hmac-sha1-80"),
    "AES_256_CM_HMAC_SHA1_32": ("aes-256-icm", "hmac-sha1-32"),
    "AEAD_AES_128_GCM": ("aes-128-gcm", "null"),
    "AEAD_AES_256_GCM": ("aes-256-gcm", "null"),
}

# RTCP of an _32 suite keeps the long tag (RFC 4568 section 6.2).
RTCP_AUTHENTICATION = {"hmac-sha1-32": "hmac-sha1-80", "hmac-sha1-80": "hmac-sha1-80", "null": "null"}

RTP_CAPS = "media=audio,clock-rate=8000,encoding-name=PCMU,payload=0"


def emit(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def set_key(seal, text):
    # As text: a Gst.Buffer made here would be freed under the element.
    Gst.util_set_object_arg(seal, "key", text)


class Endpoint:
    def __init__(self, config, loop):
        self.config = config
        self.loop = loop
        self.failed = False
        self.arrived = 0
        self.opened = 0
        self.finishing = False
        self.socket = Gio.Socket.new(
            Gio.SocketFamily.IPV6 if ":" in config["address"] else Gio.SocketFamily.IPV4,
            Gio.SocketType.DATAGRAM,
            Gio.SocketProtocol.UDP,
        )
        self.socket.bind(Gio.InetSocketAddress.new_from_string(config["address"], config["port"]), False)
        # Copied here and not by a tee: srtpdec opens packets in place, and must hold the only reference.
        self.copy_to = [tuple(listener) for listener in config["copy_to"]]
        self.copies = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.receiver = self.build_receiver()
        self.sender = self.build_sender() if config.get("remote") else None

    def build_receiver(self):
        config = self.config
        encrypted = config["suite"] is not None
        kind = "application/x-srtp" if encrypted else "application/x-rtp"
        text = f'udpsrc name=in close-socket=false caps="{kind},{RTP_CAPS}" ! '
        if encrypted:
            text += "srtpdec name=open ! "
        text += (
            "rtpjitterbuffer name=order mode=none latency=200 ! rtppcmudepay ! mulawdec ! wavenc ! "
            "filesink name=file sync=false async=false "
        )
        pipeline = Gst.parse_launch(text)
        pipeline.get_by_name("in").set_property("socket", self.socket)
        pipeline.get_by_name("file").set_property("location", config["record"])
        if encrypted:
            pipeline.get_by_name("open").connect("request-key", self.on_request_key)
        pipeline.get_by_name("in").get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, self.on_arrived)
        pipeline.get_by_name("order").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.on_opened)
        self.watch(pipeline)
        return pipeline

    def build_sender(self):
        config = self.config
        text = (
            "filesrc name=file ! wavparse ! audiobuffersplit output-buffer-duration=1/50 ! mulawenc ! "
            "rtppcmupay name=pay pt=0 min-ptime=20000000 max-ptime=20000000 ! "
        )
        if config["suite"] is not None:
            text += "srtpenc name=seal ! "
        # sync: the file is sent at the pace at which it would be spoken.
        text += "udpsink name=out close-socket=false auto-multicast=false sync=true "
        pipeline = Gst.parse_launch(text)
        pipeline.get_by_name("file").set_property("location", config["play"])
        pay = pipeline.get_by_name("pay")
        pay.set_property("ssrc", config["ssrc"])
        pay.set_property("seqnum-offset", config["sequence"])
        if config["suite"] is not None:
            cipher, authentication = SUITES[config["suite"]]
            seal = pipeline.get_by_name("seal")
            Gst.util_set_object_arg(seal, "rtp-cipher", cipher)
            Gst.util_set_object_arg(seal, "rtp-auth", authentication)
            Gst.util_set_object_arg(seal, "rtcp-cipher", cipher)
            Gst.util_set_object_arg(seal, "rtcp-auth", RTCP_AUTHENTICATION[authentication])
            set_key(seal, config["send_key"])
        out = pipeline.get_by_name("out")
        out.set_property("socket", self.socket)
        out.set_property("host", config["remote"][0])
        out.set_property("port", config["remote"][1])
        self.watch(pipeline)
        return pipeline

    def watch(self, pipeline):
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message, pipeline)

    def on_request_key(self, _element, _ssrc):
        cipher, authentication = SUITES[self.config["suite"]]
        return Gst.Caps.from_string(
            "application/x-srtp"
            f",srtp-cipher=(string){cipher},srtp-auth=(string){authentication}"
            f",srtcp-cipher=(string){cipher},srtcp-auth=(string){RTCP_AUTHENTICATION[authentication]}"
            f",srtp-key=(buffer){self.config['receive_key']}"
        )

    def on_arrived(self, _pad, info):
        self.arrived += 1
        for listener in self.copy_to:
            buffer = info.get_buffer()
            self.copies.sendto(buffer.extract_dup(0, buffer.get_size()), listener)
        return Gst.PadProbeReturn.OK

    def on_opened(self, _pad, _info):
        self.opened += 1
        return Gst.PadProbeReturn.OK

    def on_message(self, _bus, message, pipeline):
        if message.type == Gst.MessageType.ERROR:
            error, detail = message.parse_error()
            self.fail(f"{error.message} ({detail})")
        elif message.type == Gst.MessageType.EOS:
            if pipeline is self.sender:
                emit("played")
            else:
                self.stop()

    def fail(self, text):
        emit("failed", reason=f"{self.config['name']}: {text}")
        self.failed = True
        self.loop.quit()

    def start(self):
        self.receiver.set_state(Gst.State.PLAYING)
        if self.sender is not None:
            self.sender.set_state(Gst.State.PAUSED)
            if self.sender.get_state(5 * Gst.SECOND)[0] == Gst.StateChangeReturn.FAILURE:
                self.fail("the sending pipeline does not start")
                return
        emit("ready")

    def command(self, command):
        if command["do"] == "play":
            self.sender.set_state(Gst.State.PLAYING)
            emit("playing")
        elif command["do"] == "send_key":
            set_key(self.sender.get_by_name("seal"), command["key"])
            emit("key_changed")
        elif command["do"] == "finish" and not self.finishing:
            self.finishing = True
            # A pipeline in which no packet was ever opened has nobody to answer the end of the stream.
            GLib.timeout_add(1500, self.stop)
            self.receiver.get_by_name("in").send_event(Gst.Event.new_eos())
        return False

    def stop(self):
        if self.loop.is_running():
            emit("finished", arrived=self.arrived, opened=self.opened)
            self.loop.quit()
        return False

    def close(self):
        for pipeline in (self.sender, self.receiver):
            if pipeline is not None:
                pipeline.set_state(Gst.State.NULL)


def read_commands(endpoint):
    for line in sys.stdin:
        GLib.idle_add(endpoint.command, json.loads(line))
    GLib.idle_add(endpoint.command, {"do": "finish"})


def main():
    Gst.init(None)
    config = json.loads(sys.stdin.readline())
    loop = GLib.MainLoop()
    try:
        endpoint = Endpoint(config, loop)
    except GLib.Error as error:
        emit("failed", reason=f"{config['name']}: {error.message}")
        return 1
    GLib.idle_add(endpoint.start)
    threading.Thread(target=read_commands, args=(endpoint,), daemon=True).start()
    loop.run()
    endpoint.close()
    return 1 if endpoint.failed else 0


sys.exit(main())

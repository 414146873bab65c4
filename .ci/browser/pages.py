"""Serves a page at two ports, which are two origins, and writes what the page posts.

pages.py FOLDER PAGE PORT…: FOLDER/result-PORT.json is what the page of that port has posted.
"""

import pathlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder, page = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])


class Pages(BaseHTTPRequestHandler):
    def do_GET(self):
        is_page = self.path.split("?")[0] == "/"
        self.send_response(200 if is_page else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if is_page:
            self.wfile.write(page.read_bytes())

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"]))
        draft = folder / "draft.json"
        draft.write_bytes(text)
        draft.rename(folder / f"result-{self.server.server_port}.json")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


servers = [ThreadingHTTPServer(("127.0.0.1", int(port)), Pages) for port in sys.argv[3:]]
threads = [threading.Thread(target=server.serve_forever) for server in servers]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

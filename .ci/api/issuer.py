"""An issuer of tokens by other libraries than ours (PyJWT, cryptography): serves its keys, and tries their tokens.

issuer.py serve PORT KEYS        writes the private keys into the file KEYS, and serves the public ones
issuer.py try KEYS EDGE SKU PRICE   places and follows orders with tokens, good and bad ones
"""

import json
import pickle
import sys
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ALGORITHMS = {
    "RS256": jwt.algorithms.RSAAlgorithm,
    "ES256": jwt.algorithms.ECAlgorithm,
    "EdDSA": jwt.algorithms.OKPAlgorithm,
}


def serve(port, file):
    keys = {
        "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }
    public = [
        {**json.loads(ALGORITHMS[name].to_jwk(key.public_key())), "kid": name, "alg": name, "use": "sig"}
        for name, key in keys.items()
    ]
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    with open(file, "wb") as out:
        pickle.dump({name: key.private_bytes(*pem) for name, key in keys.items()}, out)

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"keys": public}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    HTTPServer(("127.0.0.1", int(port)), Keys).serve_forever()


def call(url, token, body=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def expect(what, got, status, kind=None):
    code, body = got
    if code != status or kind and body.get("type") != f"/problems/{kind}":
        sys.exit(f"{what}: expected {status} {kind or ''}, got {code} {body}")
    print(f"  {what}: {code}")
    return body


def attempt(file, edge, sku, price):
    with open(file, "rb") as source:
        keys = pickle.load(source)
    order = {
        "currency": "GBP",
        "lines": [{"sku": sku, "quantity": 1, "unit_price": int(price)}],
        "payment": {"token": "tok_visa"},
    }

    def token(algorithm, signed_by=None, headers=None, **claims):
        now = int(time.time())
        claims = {
            "iss": "millrace", "aud": "millrace", "sub": "ann", "exp": now + 60, "nbf": now,
            "scope": "orders:write orders:read", **claims,
        }
        key = keys[signed_by or algorithm]
        return jwt.encode(claims, key, algorithm, {"kid": algorithm, **(headers or {})})

    def place(key, bearer, body=order):
        return call(f"{edge}/v1/orders", bearer, body, Idempotency_Key=f"jwt-{key}", Prefer="wait=20")

    for algorithm in ALGORITHMS:
        good = token(algorithm)
        placed = expect(f"an order with {algorithm}", place(algorithm, good), 202)
        if placed["status"] != "fulfilled":
            sys.exit(f"the order is {placed['status']}")
        url = f"{edge}/v1/orders/{placed['order_id']}"
        expect("its caller follows it", call(url, good), 200)
        other = token(algorithm, sub="bob")
        expect("another caller does not", call(url, other), 404, "no-such-order")
    hour_ago = int(time.time()) - 3600
    for what, bad in {
        "no token": None,
        "an expired token": token("RS256", exp=hour_ago),
        "one that is not valid yet": token("RS256", nbf=int(time.time()) + 3600),
        "one of another issuer": token("RS256", iss="other"),
        "one for another audience": token("RS256", aud="other"),
        "one with the id of another key": token("RS256", headers={"kid": "ES256"}),
        "one of an unknown key": token("RS256", headers={"kid": "other"}),
        "one without a signature": jwt.encode({"sub": "ann"}, None, "none", {"kid": "RS256"}),
        "one with a public secret": jwt.encode({"sub": "ann"}, "RS256" * 8, "HS256", {"kid": "RS256"}),
        "a tampered one": token("EdDSA")[:-6] + "AAAAAA",
    }.items():
        expect(what, place("bad", bad), 401, "unauthenticated")
    expect("a token without the scope", place("bad", token("RS256", scope="stock:read")), 403, "scope-missing")
    priced = {**order, "adjustments": [{"type": "discount", "label": "D", "amount": -1}]}
    expect("a price of one's own", place("bad", token("RS256"), priced), 403, "scope-missing")
    shop = token("RS256", sub="shop", scope="orders:read orders:admin")
    url = f"{edge}/v1/orders/{place('RS256', token('RS256'))[1]['order_id']}"
    expect("a backend for the buyer", call(url, shop, On_Behalf_Of="ann"), 200)


{"serve": serve, "try": attempt}[sys.argv[1]](*sys.argv[2:])

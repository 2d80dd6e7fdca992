"""What the members show in TLS: given files, or one made at start."""
import os
import ssl
import subprocess

VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2,
            "1.3": ssl.TLSVersion.TLSv1_3}


def make(folder, addresses, old=False):
    """A self-signed one for all addresses, as openssl makes it: (certificate, key). 'old' as in 2010: RSA with 1024 bits."""
    certificate, key = os.path.join(folder, "pool.pem"), os.path.join(folder, "pool.key")
    kind = ["rsa:1024"] if old else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    names = ",".join(["DNS:localhost", *(f"IP:{address}" for address in sorted(set(addresses)))])
    subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-days", "30", "-subj", "/CN=xenpool",
                    "-addext", f"subjectAltName={names}", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def context(certificate, key, newest="1.3"):
    """A server's context that speaks no newer version; before 1.2 also what OpenSSL calls insecure."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if newest in ("1.0", "1.1"):
        made.set_ciphers("DEFAULT@SECLEVEL=0")
        made.minimum_version = ssl.TLSVersion.TLSv1
    made.maximum_version = VERSIONS[newest]
    made.load_cert_chain(certificate, key)
    return made

#!/bin/sh
# Makes the certificate that the sidecar shows in AWS's place, and the program's trust in it, in an init container:
#
#   sh certificate.sh NAMES_FILE TLS_DIRECTORY TRUST_DIRECTORY
#
# NAMES_FILE has what `sigv4-egress names` writes; `-` stands for the names in this script (--format script).
#
#   TLS_DIRECTORY    for the sidecar alone, /etc/sigv4-egress/tls there: tls.crt (leaf and intermediate), tls.key
#   TRUST_DIRECTORY  for the program, /etc/sigv4-egress-trust there: ca.pem (the root), bundle.pem (the public roots
#                    and it), truststore.p12 (the same for Java, password changeit)
#
# Environment:
#   OWNER         uid:gid of the sidecar, such as 1337:1337: the key is its alone. Default: whoever runs this.
#   PUBLIC_ROOTS  the public roots, as PEM. Default: where distributions have them.
#   DAYS          how long the certificate is good for. Default 3650: nobody can renew it, because the authority's keys
#                 are gone, and a pod may outlive a date that is near. Only the pod itself trusts it.
#
# Three certificates: a root, an intermediate that is constrained to the names' own subtrees (Java honours constraints
# only there), and the sidecar's. The keys of the first two are in no file: each signs once, and ends with this script.
# Run again, it leaves alone what is good. It needs openssl 1.1.1 or later; for truststore.p12, openssl 3.2 or a JDK's
# keytool.
set -eu
umask 077

own_names=''

fail() {
  echo "certificate.sh: $*" >&2
  exit 1
}

[ $# -eq 3 ] || fail 'wants NAMES_FILE TLS_DIRECTORY TRUST_DIRECTORY'
tls=$2 trust=$3 days=${DAYS:-3650}
case $days in '' | *[!0-9]*) fail "DAYS: $days is no number of days" ;; esac
command -v openssl >/dev/null || fail 'there is no openssl in this image'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# ---- The names ----

if [ "$1" = - ]; then
  [ -n "$own_names" ] || fail '-: there are no names in this script; write it with sigv4-egress names --format script'
  printf '%s\n' "$own_names" >"$work/given"
else
  [ -r "$1" ] || fail "$1: cannot be read"
  cat "$1" >"$work/given"
fi
sed 's/#.*//; s/[[:space:]]*$//; s/^[[:space:]]*//; /^$/d' "$work/given" | sort -u >"$work/names"
[ -s "$work/names" ] || fail "$1: has no names"
wrong=$(grep -v -E '^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$' "$work/names" | head -n 1) || true
[ -z "$wrong" ] || fail "$1: $wrong is no DNS name in lower case, with or without *. in front"

# ---- The public roots ----

roots=${PUBLIC_ROOTS:-}
if [ -z "$roots" ]; then
  for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem \
    /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
    if [ -r "$file" ]; then
      roots=$file
      break
    fi
  done
fi
[ -n "$roots" ] || fail 'no public roots found; install ca-certificates, or name a file in PUBLIC_ROOTS'
[ -r "$roots" ] || fail "PUBLIC_ROOTS: $roots: cannot be read"

# ---- What is there already ----

good() {
  [ -r "$tls/tls.key" ] && cmp -s "$work/names" "$tls/..data/names" && [ -r "$trust/bundle.pem" ] || return 1
  openssl x509 -in "$tls/tls.crt" -noout -checkend 2592000 >/dev/null || return 1
  openssl verify -CAfile "$trust/ca.pem" -untrusted "$tls/tls.crt" "$tls/tls.crt" >/dev/null 2>&1
}
if good; then
  echo "certificate.sh: $tls has a certificate for these names, and $trust the trust in it" >&2
  exit 0
fi

# ---- The certificates ----

# A subtree has its own name, and all below it; those in another one are left out.
subtrees() {
  awk '{ sub(/^\*\./, ""); base[$0] = 1 }
    END {
      for (name in base) {
        rest = name
        while ((dot = index(rest, ".")) > 0) {
          rest = substr(rest, dot + 1)
          if (rest in base) { rest = "-"; break }
        }
        if (rest != "-") print name
      }
    }' "$work/names" | sort
}

{
  cat <<'CONFIGURATION'
[req]
distinguished_name = subject
prompt = no
[subject]
CN = sigv4-egress
[root]
basicConstraints = critical, CA:TRUE, pathlen:1
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
nameConstraints = critical, @constraints
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = @names
[constraints]
excluded;IP.0 = 0.0.0.0/0.0.0.0
excluded;IP.1 = 0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0
CONFIGURATION
  subtrees | awk '{ print "permitted;DNS." NR " = " $0 }'
  echo '[names]'
  awk '{ print "DNS." NR " = " $0 }' "$work/names"
} >"$work/openssl.cnf"

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256; }

# request SUBJECT, with the key on its standard input.
request() { openssl req -new -sha256 -key /dev/stdin -config "$work/openssl.cnf" -subj "/CN=$1"; }

# signed REQUEST ISSUER SECTION, with the issuer's key on its standard input.
signed() {
  openssl x509 -req -sha256 -in "$1" -CA "$2" -CAkey /dev/stdin -set_serial "0x$(openssl rand -hex 16)" -days "$days" \
    -extfile "$work/openssl.cnf" -extensions "$3" 2>"$work/said" || fail "openssl: $(cat "$work/said")"
}

root_key=$(new_key)
printf '%s\n' "$root_key" | openssl req -x509 -new -sha256 -key /dev/stdin -days "$days" -config "$work/openssl.cnf" \
  -extensions root -subj "/CN=sigv4-egress root, for this pod alone" -out "$work/root"
intermediate_key=$(new_key)
printf '%s\n' "$intermediate_key" | request "sigv4-egress intermediate, for this pod alone" >"$work/intermediate.csr"
printf '%s\n' "$root_key" | signed "$work/intermediate.csr" "$work/root" intermediate >"$work/intermediate"
root_key=
mkdir "$work/pair"
new_key >"$work/pair/tls.key"
request sigv4-egress <"$work/pair/tls.key" >"$work/leaf.csr"
printf '%s\n' "$intermediate_key" | signed "$work/leaf.csr" "$work/intermediate" leaf >"$work/leaf"
intermediate_key=
cat "$work/leaf" "$work/intermediate" >"$work/pair/tls.crt"
cp "$work/names" "$work/pair/names"
chmod 755 "$work/pair"
chmod 644 "$work/pair/tls.crt" "$work/pair/names"
if [ -n "${OWNER:-}" ]; then
  chown "$OWNER" "$work/pair" "$work/pair"/* || fail "OWNER: the key cannot be given to $OWNER; run this as root, or as it"
fi
openssl verify -CAfile "$work/root" -untrusted "$work/intermediate" "$work/leaf" >/dev/null

# ---- Trust, before what is to be trusted ----

for directory in "$trust" "$tls"; do
  # A volume's own directory may be another's: it stays as it is.
  [ -d "$directory" ] || mkdir -p -m 755 "$directory"
done
new=$trust/.new
rm -rf "$new"
mkdir "$new"
cp "$work/root" "$new/ca.pem"
{ cat "$roots"; echo; cat "$work/root"; } >"$new/bundle.pem"

# Java takes a certificate of PKCS #12 for trusted only with an attribute, which openssl writes since 3.2. A JDK has the
# public roots in a store of its own.
truststore() {
  openssl pkcs12 -export -nokeys -jdktrust anyExtendedKeyUsage -in "$new/bundle.pem" -passout pass:changeit \
    -out "$new/truststore.p12" 2>/dev/null && return
  rm -f "$new/truststore.p12"
  keytool=$(command -v keytool) || return 1
  home=$(dirname "$(dirname "$(readlink -f "$keytool")")")
  for store in "$home/lib/security/cacerts" "$home/jre/lib/security/cacerts"; do
    [ -r "$store" ] || continue
    keytool -importkeystore -noprompt -srckeystore "$store" -srcstorepass changeit -destkeystore "$new/truststore.p12" \
      -deststoretype PKCS12 -deststorepass changeit >/dev/null 2>&1 || return 1
    keytool -importcert -noprompt -alias sigv4-egress -file "$new/ca.pem" -keystore "$new/truststore.p12" \
      -storetype PKCS12 -storepass changeit >/dev/null 2>&1
    return
  done
  return 1
}
if ! truststore; then
  rm -f "$new/truststore.p12" "$trust/truststore.p12"
  echo 'certificate.sh: no truststore.p12: it takes openssl 3.2 or later, or keytool with its cacerts' >&2
fi
chmod 644 "$new"/*
for file in "$new"/*; do
  mv -f "$file" "$trust/"
done
rmdir "$new"

# ---- The pair, by one change of a link, as kubelet does ----

data=..$(date -u +%Y_%m_%d_%H_%M_%S).$$
mv "$work/pair" "$tls/$data"
old=$(readlink "$tls/..data") || old=
ln -s "$data" "$tls/..data_tmp"
mv -T -f "$tls/..data_tmp" "$tls/..data" 2>/dev/null || {
  rm -f "$tls/..data"
  mv "$tls/..data_tmp" "$tls/..data"
}
for file in tls.crt tls.key; do
  [ -h "$tls/$file" ] || ln -s "..data/$file" "$tls/$file"
done
case $old in ..[0-9]*) rm -rf "${tls:?}/$old" ;; esac
echo "certificate.sh: a new certificate in $tls, and the trust in it in $trust" >&2

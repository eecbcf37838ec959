#!/bin/sh
# Leads the pod's connections to port 443 to Envoy: for an init container, before the application starts.
#
#   capture.sh           sets the rules; again, it sets them anew
#   capture.sh remove    takes them away
#
# It needs iptables (and ip6tables where the pod has IPv6), the user 0 and the capability NET_ADMIN, and nothing of them
# stays once it has ended. Variables, all optional; lists are divided by spaces or commas:
#
#   PROXY_GID      1337   the group that Envoy runs as (runAsGroup): its own connections are never led back to it
#   PROXY_PORT     15443  where Envoy listens for what was captured, on 127.0.0.1 and ::1
#   CAPTURE_PORTS  443    ports of destinations; what goes to others is left alone
#   EXCLUDE_UIDS          users (runAsUser) whose connections are left alone, and
#   EXCLUDE_GIDS          groups (runAsGroup): numbers, as in `1000 2000-2999`
#   EXCLUDE_CIDRS         destinations that are left alone, as in `10.100.0.1 2001:db8::/32`
#   IPTABLES, IP6TABLES   other programs, such as iptables-legacy where the node has no nf_tables
set -eu

PROXY_GID=${PROXY_GID:-1337}
PROXY_PORT=${PROXY_PORT:-15443}
CAPTURE_PORTS=${CAPTURE_PORTS:-443}
CHAIN=SIGV4_EGRESS

fail() {
  echo "capture.sh: $*" >&2
  exit 1
}

list() { echo "$1" | tr ',' ' '; }

# check NAME VALUE PATTERN ALLOWED: each of a list.
check() {
  for item in $(list "$2"); do
    echo "$item" | grep -Eqx "$3" || fail "$1 has \"$item\"; allowed: $4"
  done
}

number='[0-9]{1,10}'
port='[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]'
check PROXY_GID "$PROXY_GID" "$number" "a number"
check PROXY_PORT "$PROXY_PORT" "$port" "a number from 1 to 65535"
check CAPTURE_PORTS "$CAPTURE_PORTS" "$port" "numbers from 1 to 65535"
check EXCLUDE_UIDS "${EXCLUDE_UIDS:-}" "$number(-$number)?" "numbers, and ranges such as 2000-2999"
check EXCLUDE_GIDS "${EXCLUDE_GIDS:-}" "$number(-$number)?" "numbers, and ranges such as 2000-2999"
check EXCLUDE_CIDRS "${EXCLUDE_CIDRS:-}" '[0-9.]+(/[0-9]+)?|[0-9a-fA-F]*:[0-9a-fA-F:.]*(/[0-9]+)?' "addresses and CIDRs"

# Whether anything in the pod can reach IPv6: an address of global scope, which is 00 (proc_net_if_inet6(5)). Nodes without
# IPv6 often have no nat table for it either.
has_ipv6() { [ -r /proc/net/if_inet6 ] && grep -Eq '^[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ 00 ' /proc/net/if_inet6; }

# rule PROGRAM ARGUMENTS...
rule() {
  program=$1
  shift
  # It waits for whoever else changes rules.
  if ! said=$("$program" -w -t nat "$@" 2>&1); then
    fail "$program -t nat $*: $said
If that is no mistake in a variable: it takes the user 0 and the capability NET_ADMIN (securityContext: { runAsUser: 0, runAsNonRoot: false, capabilities:
{ add: [NET_ADMIN] } }), and a kernel with the nat table; where that has no nf_tables, set IPTABLES=iptables-legacy and
IP6TABLES=ip6tables-legacy. Without any of these: HTTPS_PROXY instead of capturing."
  fi
}

# has PROGRAM RULE...: whether the table has it.
has() {
  program=$1
  shift
  "$program" -w -t nat "$@" >/dev/null 2>&1
}

remove() {
  while has "$1" -C OUTPUT -p tcp -j "$CHAIN"; do
    rule "$1" -D OUTPUT -p tcp -j "$CHAIN"
  done
  if has "$1" -n -L "$CHAIN"; then
    rule "$1" -F "$CHAIN"
    rule "$1" -X "$CHAIN"
  fi
}

# capture PROGRAM LOOPBACK FAMILY: connections that no rule of the chain leaves alone. The chain is whole before anything
# leads to it.
capture() {
  remove "$1"
  rule "$1" -N "$CHAIN"
  rule "$1" -A "$CHAIN" -m owner --gid-owner "$PROXY_GID" -j RETURN
  rule "$1" -A "$CHAIN" -d "$2" -j RETURN
  for id in $(list "${EXCLUDE_UIDS:-}"); do
    rule "$1" -A "$CHAIN" -m owner --uid-owner "$id" -j RETURN
  done
  for id in $(list "${EXCLUDE_GIDS:-}"); do
    rule "$1" -A "$CHAIN" -m owner --gid-owner "$id" -j RETURN
  done
  for destination in $(list "${EXCLUDE_CIDRS:-}"); do
    case $destination in
      *:*) family=6 ;;
      *) family=4 ;;
    esac
    [ "$family" != "$3" ] || rule "$1" -A "$CHAIN" -d "$destination" -j RETURN
  done
  for port in $(list "$CAPTURE_PORTS"); do
    rule "$1" -A "$CHAIN" -p tcp --dport "$port" -j REDIRECT --to-ports "$PROXY_PORT"
  done
  rule "$1" -A OUTPUT -p tcp -j "$CHAIN"
}

# both ACTION: on IPv4, and on IPv6 where the pod has it.
both() {
  command -v "${IPTABLES:-iptables}" >/dev/null || fail "there is no ${IPTABLES:-iptables}: take an image that has it"
  "$1" "${IPTABLES:-iptables}" 127.0.0.0/8 4
  if has_ipv6; then
    command -v "${IP6TABLES:-ip6tables}" >/dev/null ||
      fail "the pod has IPv6, and there is no ${IP6TABLES:-ip6tables}: take an image that has it"
    "$1" "${IP6TABLES:-ip6tables}" ::1/128 6
    families="IPv4 and IPv6"
  else
    families="IPv4; the pod has no IPv6"
  fi
}

case ${1:-} in
  '')
    both capture
    echo "capture.sh: ports $CAPTURE_PORTS lead to $PROXY_PORT ($families)"
    ;;
  remove)
    both remove
    echo "capture.sh: nothing is captured any more ($families)"
    ;;
  *) fail "\"$1\" is no command; allowed: none, and \"remove\"" ;;
esac

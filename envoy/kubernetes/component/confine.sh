#!/bin/sh
# Leaves the pod no way out but Envoy, and no way in: for an init container, before the program starts.
#
# It needs iptables (and ip6tables where the pod has IPv6), the user 0 and the capability NET_ADMIN, and nothing of them
# stays once it has ended. What goes on is what Envoy sends, what 127.0.0.1 and ::1 get, and answers. All else is refused at
# once, not lost: a program that tries is told. Variables, both optional:
#
#   PROXY_GID      1337   the group that Envoy runs as (runAsGroup); no other container may have it
#   INBOUND_PORTS         ports on which the program may be called, for Services and kubelet's probes: `8080 8443`
#   IPTABLES, IP6TABLES   other programs, such as iptables-legacy where the node has no nf_tables
set -eu

PROXY_GID=${PROXY_GID:-1337}
INBOUND_PORTS=$(echo "${INBOUND_PORTS:-}" | tr ',' ' ')

fail() {
  echo "confine.sh: $*" >&2
  exit 1
}

for item in "$PROXY_GID" $INBOUND_PORTS; do
  echo "$item" | grep -Eqx '[0-9]{1,10}' || fail "\"$item\"; allowed in PROXY_GID and INBOUND_PORTS: numbers"
done

# An address of global scope, which is 00 (proc_net_if_inet6(5)).
has_ipv6() { [ -r /proc/net/if_inet6 ] && grep -Eq '^[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ 00 ' /proc/net/if_inet6; }

# rule ARGUMENTS... for $program
rule() {
  said=$("$program" -w "$@" 2>&1) || fail "$program $*: $said
It takes the user 0 and the capability NET_ADMIN, and a kernel with the matches owner and conntrack; where that has no
nf_tables, set IPTABLES=iptables-legacy and IP6TABLES=ip6tables-legacy."
}

# chain HOOK: an empty one, to which nothing leads yet.
chain() {
  "$program" -w -n -L "SANDBOX_$1" >/dev/null 2>&1 || rule -N "SANDBOX_$1"
  rule -F "SANDBOX_$1"
}

# lead HOOK: everything comes to the chain first.
lead() {
  "$program" -w -C "$1" -j "SANDBOX_$1" >/dev/null 2>&1 || rule -I "$1" -j "SANDBOX_$1"
}

# confine PROGRAM LOOPBACK ICMP: 127.0.0.1 and not what else is on lo, such as the name server of a container engine.
confine() {
  program=$1
  command -v "$program" >/dev/null || fail "there is no $program: take an image that has it"
  chain OUTPUT
  rule -A SANDBOX_OUTPUT -o lo -d "$2" -j RETURN
  # How the kernel tells the program of a refusal.
  rule -A SANDBOX_OUTPUT -o lo -p tcp --tcp-flags RST RST -j RETURN
  rule -A SANDBOX_OUTPUT -o lo -p "$3" -j RETURN
  rule -A SANDBOX_OUTPUT -m owner --gid-owner "$PROXY_GID" -j RETURN
  # Of TCP only: another process may take the port of an old UDP socket, and with it what was established.
  rule -A SANDBOX_OUTPUT -p tcp -m conntrack --ctstate ESTABLISHED -j RETURN
  chain INPUT
  rule -A SANDBOX_INPUT -i lo -j RETURN
  rule -A SANDBOX_INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
  if [ "$3" = ipv6-icmp ]; then
    # How neighbours find each other (RFC 4861), which is the kernel's own doing.
    for type in 133 134 135 136; do
      rule -A SANDBOX_OUTPUT -p ipv6-icmp --icmpv6-type "$type" -j RETURN
      rule -A SANDBOX_INPUT -p ipv6-icmp --icmpv6-type "$type" -j RETURN
    done
  fi
  for port in $INBOUND_PORTS; do
    rule -A SANDBOX_INPUT -p tcp --dport "$port" -j RETURN
  done
  rule -A SANDBOX_OUTPUT -p tcp -j REJECT --reject-with tcp-reset
  rule -A SANDBOX_OUTPUT -j REJECT
  rule -A SANDBOX_INPUT -j DROP
  lead OUTPUT
  lead INPUT
}

confine "${IPTABLES:-iptables}" 127.0.0.1 icmp
families=IPv4
if has_ipv6; then
  confine "${IP6TABLES:-ip6tables}" ::1 ipv6-icmp
  families="IPv4 and IPv6"
fi
echo "confine.sh: nothing leaves but what group $PROXY_GID sends ($families)"

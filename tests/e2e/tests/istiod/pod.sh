# The file system of a pod, in a mount namespace of its own: what images, Istio's injector and the kubelet bring.
#
#   pod.sh DIRECTORY [FROM TO]...    with what stands in DIRECTORY, and each directory FROM at TO
set -eu
directory=$1
shift
cp --archive /etc/. "$directory/etc"
mount --bind "$directory/etc" /etc
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=755 none /var/lib
mkdir -p /etc/istio/proxy /etc/istio/pod /var/lib/istio/data /run/secrets/workload-spiffe-uds /run/secrets/credential-uds
# What is a symbolic link on some systems, as resolv.conf, is a file here.
cp -R --remove-destination "$directory/files/." /
chown -R 1337:1337 /etc/istio/proxy /var/lib/istio /run/secrets
cat "$directory/aws-ca.pem" >> /etc/ssl/certs/ca-certificates.crt
while [ $# -gt 0 ]; do
    mkdir -p "$2"
    mount --bind "$1" "$2"
    shift 2
done
touch "$directory/ready"
exec sleep infinity

// Opens TLS for a host: `probe.js ADDRESS PORT HOST`, with the trust of NODE_EXTRA_CA_CERTS beside its own.
const tls = require("node:tls");

const [address, port, host] = process.argv.slice(2);
const socket = tls.connect({ host: address, port, servername: host }, () => {
  console.log("trusted");
  socket.destroy();
});
socket.on("error", (error) => console.log("refused:", error.code, error.message));

// Opens TLS for a host: `probe ADDRESS PORT HOST`, with the trust of SSL_CERT_FILE.
package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
)

func main() {
	address, port, host := os.Args[1], os.Args[2], os.Args[3]
	connection, err := tls.Dial("tcp", net.JoinHostPort(address, port), &tls.Config{ServerName: host})
	if err != nil {
		fmt.Println("refused:", err)
		return
	}
	connection.Close()
	fmt.Println("trusted")
}

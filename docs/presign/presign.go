package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// exchange gives the URL of a request that a presign client with placeholder keys has made, signed by sigv4-egress.
// Whoever sends it sends made.SignedHeader, as ever.
func exchange(made *v4.PresignedHTTPRequest) (string, error) {
	headers := map[string]string{}
	for name := range made.SignedHeader {
		if name != "Host" {
			headers[name] = made.SignedHeader.Get(name)
		}
	}
	asked, err := json.Marshal(map[string]any{"url": made.URL, "method": made.Method, "headers": headers})
	if err != nil {
		return "", err
	}
	address := os.Getenv("SIGV4_EGRESS_PRESIGN")
	if address == "" {
		address = "http://127.0.0.1:9911/presign"
	}
	request, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(asked))
	if err != nil {
		return "", err
	}
	request.Header.Set("x-sigv4-egress", "1")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("not presigned: %s", body)
	}
	var answer struct{ URL string }
	err = json.Unmarshal(body, &answer)
	return answer.URL, err
}

import java.net.Socket;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/** Opens TLS for a host: {@code Probe ADDRESS PORT HOST}, with the trust of javax.net.ssl.trustStore. */
public class Probe {
  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(arguments[1]);
    SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
    try (Socket plain = new Socket(arguments[0], port);
        SSLSocket socket = (SSLSocket) factory.createSocket(plain, arguments[2], port, true)) {
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      socket.setSSLParameters(parameters);
      socket.startHandshake();
      System.out.println("trusted");
    } catch (SSLException error) {
      System.out.println("refused: " + error);
    }
  }
}

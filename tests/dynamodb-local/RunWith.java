import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import org.eclipse.jetty.server.Server;
import software.amazon.dynamodb.services.local.server.LocalDynamoDBRequestHandler;
import software.amazon.dynamodb.services.local.server.LocalDynamoDBServerHandler;

/**
 * Runs a command while DynamoDB Local serves, in memory, and exits as the command does.
 *
 * <p>The server's own main class listens on all interfaces. This one takes a free port of the loopback interface, and
 * tells it to the command in TEST_DYNAMODB_URL.
 */
public final class RunWith {
    public static void main(String[] command) throws Exception {
        boolean inMemory = true;
        boolean oneDatabaseForAllCredentials = true;
        boolean slowTables = false;
        Server server = new Server(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0));
        server.setHandler(
                new LocalDynamoDBServerHandler(
                        new LocalDynamoDBRequestHandler(
                                0, inMemory, null, oneDatabaseForAllCredentials, slowTables),
                        null));
        server.start();

        ProcessBuilder process = new ProcessBuilder(List.of(command)).inheritIO();
        process.environment().put("TEST_DYNAMODB_URL", "http://127.0.0.1:" + server.getURI().getPort());
        Process running = process.start();
        Runtime.getRuntime().addShutdownHook(new Thread(running::destroy));
        int status = running.waitFor();
        server.stop();
        System.exit(status);
    }
}

// Reads events of Debezium's form, one a line, with Debezium's own deserialiser, and prints the
// row of each: the one after, or before it was deleted.
import io.debezium.serde.DebeziumSerdes;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.serialization.Serde;

public class ReadDebezium {
  @SuppressWarnings("rawtypes")
  static Serde<Map> reader(String field) {
    Serde<Map> serde = DebeziumSerdes.payloadJson(Map.class);
    serde.configure(Map.of("from.field", field), false);
    return serde;
  }

  @SuppressWarnings({"rawtypes", "unchecked"})
  public static void main(String[] args) throws Exception {
    Serde<Map> after = reader("after"), before = reader("before"), source = reader("source");
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = lines.readLine()) != null; ) {
      byte[] event = line.getBytes(StandardCharsets.UTF_8);
      Map row = after.deserializer().deserialize("t", event);
      if (row == null) {
        row = before.deserializer().deserialize("t", event);
      }
      Map from = source.deserializer().deserialize("t", event);
      System.out.println(from.get("table") + " " + from.get("seq") + " " + from.get("snapshot") + " " + new TreeMap(row));
    }
  }
}

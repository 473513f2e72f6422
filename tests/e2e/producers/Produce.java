import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends what stands on its standard input with Kafka's own Java client.
 *
 * A line "batch, codec, how its transaction ends" begins a batch; each other line is a record: its key, its
 * headers as name=value, separated by semicolons, and its value. All are separated by tabs; what is empty is absent.
 */
public final class Produce {
    private final String servers;
    private final String topic;
    private final String run;
    private KafkaProducer<byte[], byte[]> producer;
    private String end;
    private int batches;
    private final List<Future<RecordMetadata>> sent = new ArrayList<>();

    private Produce(String servers, String topic, String run) {
        this.servers = servers;
        this.topic = topic;
        this.run = run;
    }

    public static void main(String[] args) throws Exception {
        Produce produce = new Produce(args[0], args[1], args[2]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split("\t", 3);
            if (parts[0].equals("batch")) {
                produce.finish();
                produce.begin(parts[1], parts[2]);
            } else {
                produce.send(parts[0], parts[1], parts[2]);
            }
        }
        produce.finish();
    }

    private void begin(String codec, String end) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", servers);
        settings.put("compression.type", codec);
        settings.put("linger.ms", "20");
        this.end = end;
        if (!end.equals("none")) {
            settings.put("transactional.id", run + "-java-" + batches++);
        }
        producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
        if (!end.equals("none")) {
            producer.initTransactions();
            producer.beginTransaction();
        }
    }

    private void send(String key, String headers, String value) {
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, bytes(key), bytes(value));
        for (String header : headers.isEmpty() ? new String[0] : headers.split(";")) {
            String[] named = header.split("=", 2);
            record.headers().add(named[0], bytes(named[1]));
        }
        sent.add(producer.send(record));
    }

    private void finish() throws Exception {
        if (producer == null) {
            return;
        }
        producer.flush();
        for (Future<RecordMetadata> one : sent) {
            one.get();
        }
        sent.clear();
        if (end.equals("commit")) {
            producer.commitTransaction();
        } else if (end.equals("abort")) {
            producer.abortTransaction();
        }
        producer.close();
    }

    private static byte[] bytes(String text) {
        return text.isEmpty() ? null : text.getBytes(StandardCharsets.UTF_8);
    }
}

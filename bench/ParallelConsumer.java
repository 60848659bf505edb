/* Confluent's Parallel Consumer on the jobs of keyed: in order key by key, each job 5 ms of sleep on a thread. Prints what a
 * child of keyed prints. */
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.IntegerDeserializer;

public class ParallelConsumer {
	private static final AtomicLong started = new AtomicLong(), startCpu = new AtomicLong();
	private static long ended, endCpu;

	private static long cpu() {
		return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
	}

	private static KafkaConsumer<Integer, byte[]> consumer(String brokers) {
		Properties p = new Properties();

		p.put("bootstrap.servers", brokers);
		p.put("group.id", "carafe-bench-java-" + System.nanoTime());
		p.put("auto.offset.reset", "earliest");
		p.put("enable.auto.commit", "false");
		p.put("key.deserializer", IntegerDeserializer.class.getName());
		p.put("value.deserializer", ByteArrayDeserializer.class.getName());
		return new KafkaConsumer<>(p);
	}

	/* keyed writes its numbers as the machine does. */
	private static void work(ConsumerRecord<Integer, byte[]> record, AtomicLongArray done, int us) throws InterruptedException {
		int key = Integer.reverseBytes(record.key());
		long number = ByteBuffer.wrap(record.value()).order(ByteOrder.LITTLE_ENDIAN).getLong();

		if (started.compareAndSet(0, System.nanoTime()))
			startCpu.set(cpu());
		if (done.get(key) != number) {
			System.err.printf("job %d of key %d begins before its turn%n", number, key);
			Runtime.getRuntime().halt(1);
		}
		Thread.sleep(us / 1000, us % 1000 * 1000);
		done.set(key, number + 1);
	}

	public static void main(String[] args) throws Exception {
		int jobs = Integer.parseInt(args[2]), keys = Integer.parseInt(args[3]), us = Integer.parseInt(args[5]);
		AtomicLongArray done = new AtomicLongArray(keys);
		AtomicLong left = new AtomicLong(jobs);
		CountDownLatch all = new CountDownLatch(1);
		ParallelStreamProcessor<Integer, byte[]> processor = ParallelStreamProcessor.createEosStreamProcessor(
		    ParallelConsumerOptions.<Integer, byte[]>builder().ordering(ProcessingOrder.KEY)
			.maxConcurrency(Integer.parseInt(args[4])).consumer(consumer(args[0])).build());

		processor.subscribe(List.of(args[1]));
		processor.poll(context -> {
			try {
				work(context.getSingleConsumerRecord(), done, us);
			} catch (InterruptedException e) {
				throw new RuntimeException(e);
			}
			if (left.decrementAndGet() == 0) {
				ended = System.nanoTime();
				endCpu = cpu();
				all.countDown();
			}
		});
		all.await();
		System.out.printf("bench %d %.9f %.9f 0 0 0 0 0 0 0 0%n", jobs, (ended - started.get()) / 1e9,
		    (endCpu - startCpu.get()) / 1e9);
		System.out.flush();
		Runtime.getRuntime().halt(0); /* what it has in hand still is of no interest */
	}
}

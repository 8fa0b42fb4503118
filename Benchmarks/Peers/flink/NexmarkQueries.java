import java.io.BufferedWriter;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.functions.JoinFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.AllWindowFunction;
import org.apache.flink.streaming.api.functions.windowing.WindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * Nexmark's q0, q1, q5, q7 and q8 as a Flink user who knows how would write them: object reuse on, only the fields a
 * query needs cross an exchange, accumulators changed in place, and q5's bids counted per slide first. They answer what
 * the pipelines in samples/nexmark answer.
 *
 * NexmarkQueries QUERY EVENTS [ANSWER-FILE]; without a file the results are counted and forgotten.
 */
public class NexmarkQueries {
    public static class Bid implements Serializable {
        public long auction, bidder, price, at;
    }

    public static class Person implements Serializable {
        public long id, at;
        public String name;
    }

    public static class Auction implements Serializable {
        public long id, seller, at;
    }

    /** Bids on an auction in a window that ends at `end`, in milliseconds. */
    public static class Count implements Serializable {
        public long auction, bids, end;
    }

    public static class Best implements Serializable {
        public long price = -1, auction, bidder;
    }

    /** Makes values of the events of one kind: one object, filled anew. */
    static class Only<T> implements FlatMapFunction<NexmarkStream.Event, T> {
        interface Fill<T> extends Serializable {
            void fill(T value, NexmarkStream.Event event);
        }

        private final int kind;
        private final T value;
        private final Fill<T> fill;

        Only(int kind, T value, Fill<T> fill) {
            this.kind = kind;
            this.value = value;
            this.fill = fill;
        }

        public void flatMap(NexmarkStream.Event event, Collector<T> out) {
            if (event.kind != kind) return;
            fill.fill(value, event);
            out.collect(value);
        }
    }

    private static SingleOutputStreamOperator<Bid> bids(DataStream<NexmarkStream.Event> events, boolean inEuros) {
        return events.flatMap(
                        new Only<>(NexmarkStream.Event.BID, new Bid(), (bid, event) -> {
                            bid.auction = event.auction;
                            bid.bidder = event.bidder;
                            bid.price = inEuros ? event.price * 89 / 100 : event.price;
                            bid.at = event.at;
                        }))
                .returns(Bid.class);
    }

    private static DataStream<Count> bidsOnAuctions(DataStream<NexmarkStream.Event> events) {
        return timed(
                events.flatMap(
                                new Only<>(NexmarkStream.Event.BID, new Count(), (count, event) -> {
                                    count.auction = event.auction;
                                    count.bids = 1;
                                    count.end = event.at / 1_000;
                                }))
                        .returns(Count.class),
                count -> count.end);
    }

    private static DataStream<Person> people(DataStream<NexmarkStream.Event> events) {
        return timed(
                events.flatMap(
                                new Only<>(NexmarkStream.Event.PERSON, new Person(), (person, event) -> {
                                    person.id = event.id;
                                    person.name = event.name;
                                    person.at = event.at;
                                }))
                        .returns(Person.class),
                person -> person.at / 1_000);
    }

    private static DataStream<Auction> auctions(DataStream<NexmarkStream.Event> events) {
        return timed(
                events.flatMap(
                                new Only<>(NexmarkStream.Event.AUCTION, new Auction(), (auction, event) -> {
                                    auction.id = event.id;
                                    auction.seller = event.seller;
                                    auction.at = event.at;
                                }))
                        .returns(Auction.class),
                auction -> auction.at / 1_000);
    }

    static class Sum implements AggregateFunction<Count, long[], Long> {
        public long[] createAccumulator() { return new long[1]; }
        public long[] add(Count count, long[] sum) {
            sum[0] += count.bids;
            return sum;
        }
        public Long getResult(long[] sum) { return sum[0]; }
        public long[] merge(long[] a, long[] b) {
            a[0] += b[0];
            return a;
        }
    }

    static class Counted implements WindowFunction<Long, Count, Long, TimeWindow> {
        public void apply(Long auction, TimeWindow window, Iterable<Long> sums, Collector<Count> out) {
            Count count = new Count();
            count.auction = auction;
            count.bids = sums.iterator().next();
            count.end = window.getEnd();
            out.collect(count);
        }
    }

    /** The most bids; of equals the oldest auction. */
    static class Hottest implements AggregateFunction<Count, Count, Count> {
        public Count createAccumulator() { return new Count(); }
        public Count add(Count count, Count best) {
            if (count.bids > best.bids || (count.bids == best.bids && count.auction < best.auction)) {
                best.bids = count.bids;
                best.auction = count.auction;
                best.end = count.end;
            }
            return best;
        }
        public Count getResult(Count best) { return best; }
        public Count merge(Count a, Count b) { return add(a, b); }
    }

    static class Highest implements AggregateFunction<Bid, Best, Best> {
        public Best createAccumulator() { return new Best(); }
        public Best add(Bid bid, Best best) {
            boolean isHigher =
                    bid.price != best.price
                            ? bid.price > best.price
                            : bid.auction != best.auction ? bid.auction > best.auction : bid.bidder > best.bidder;
            if (isHigher) {
                best.price = bid.price;
                best.auction = bid.auction;
                best.bidder = bid.bidder;
            }
            return best;
        }
        public Best getResult(Best best) { return best; }
        public Best merge(Best a, Best b) { throw new UnsupportedOperationException("windows do not merge"); }
    }

    // Answers: a line for each result, times in microseconds, as samples/nexmark writes them.

    interface Line<T> extends Serializable {
        String of(T result);
    }

    /** Counts results; writes them where a file is named. There is one writer: the parallelism is one. */
    static class Answer<T> implements Sink<T> {
        private static volatile long count;
        private final String file;
        private final Line<T> line;

        Answer(String file, Line<T> line) {
            this.file = file;
            this.line = line;
        }

        @Override
        public SinkWriter<T> createWriter(WriterInitContext context) throws IOException {
            BufferedWriter out = file == null ? null : Files.newBufferedWriter(Path.of(file));
            return new SinkWriter<>() {
                private long written;

                public void write(T result, Context context) throws IOException {
                    written++;
                    if (out != null) out.write(line.of(result) + "\n");
                }
                public void flush(boolean isEnd) {}
                public void close() throws IOException {
                    count = written;
                    if (out != null) out.close();
                }
            };
        }
    }

    private static <T> DataStream<T> timed(DataStream<T> stream, TimeOf<T> time) {
        return stream.assignTimestampsAndWatermarks(
                WatermarkStrategy.<T>forMonotonousTimestamps().withTimestampAssigner((value, before) -> time.of(value)));
    }

    interface TimeOf<T> extends Serializable {
        long of(T value);
    }

    public static void main(String[] arguments) throws Exception {
        String query = arguments[0], file = arguments.length > 2 ? arguments[2] : null;
        Configuration configuration = new Configuration();
        configuration.setString("rest.bind-address", "127.0.0.1");
        configuration.setString("taskmanager.memory.network.max", "256m");
        StreamExecutionEnvironment flink = StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
        flink.getConfig().enableObjectReuse();
        DataStream<NexmarkStream.Event> events =
                flink.fromSource(
                        new NexmarkSource(Long.parseLong(arguments[1])), WatermarkStrategy.noWatermarks(), "events",
                        TypeInformation.of(NexmarkStream.Event.class));
        Duration ten = Duration.ofSeconds(10), two = Duration.ofSeconds(2);
        switch (query) {
            // The stream is made and looked at, and nothing is made of it.
            case "none" ->
                events.filter(event -> event.at < 0).sinkTo(new Answer<>(file, event -> ""));
            case "q0" -> events.sinkTo(new Answer<>(file, event -> event.at + "," + event.kind));
            case "q1" ->
                bids(events, true)
                        .sinkTo(new Answer<>(
                                file, bid -> bid.auction + "," + bid.bidder + "," + bid.price + "," + bid.at));
            case "q5" ->
                bidsOnAuctions(events)
                        .keyBy(count -> count.auction)
                        .window(TumblingEventTimeWindows.of(two))
                        .aggregate(new Sum(), new Counted())
                        .keyBy(count -> count.auction)
                        .window(SlidingEventTimeWindows.of(ten, two))
                        .aggregate(new Sum(), new Counted())
                        .windowAll(TumblingEventTimeWindows.of(two))
                        .aggregate(new Hottest())
                        .sinkTo(new Answer<>(
                                file, count -> count.end * 1_000 + "," + count.auction + "," + count.bids));
            case "q7" ->
                timed(bids(events, false), bid -> bid.at / 1_000)
                        .windowAll(TumblingEventTimeWindows.of(ten))
                        .aggregate(
                                new Highest(),
                                new AllWindowFunction<Best, String, TimeWindow>() {
                                    public void apply(TimeWindow window, Iterable<Best> bests, Collector<String> out) {
                                        Best best = bests.iterator().next();
                                        out.collect(
                                                window.getEnd() * 1_000 + "," + best.price + "," + best.auction + ","
                                                        + best.bidder);
                                    }
                                })
                        .sinkTo(new Answer<>(file, line -> line));
            case "q8" ->
                people(events)
                        .join(auctions(events))
                        .where(person -> person.id)
                        .equalTo(auction -> auction.seller)
                        .window(TumblingEventTimeWindows.of(ten))
                        .apply(
                                new JoinFunction<Person, Auction, String>() {
                                    public String join(Person person, Auction auction) {
                                        return person.id + "," + person.name + "," + auction.id;
                                    }
                                })
                        .sinkTo(new Answer<>(file, line -> line));
            default -> throw new IllegalArgumentException("there is no query " + query);
        }
        flink.execute(query);
        System.out.println("results " + Answer.count);
    }
}

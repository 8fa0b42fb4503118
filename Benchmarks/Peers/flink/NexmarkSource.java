import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * The stream as a source in this process: one reader, nothing to divide and nothing to restore. A poll hands out many
 * events, so that what Flink does between polls is not counted for each.
 */
public class NexmarkSource implements Source<NexmarkStream.Event, NexmarkSource.NoSplit, Void> {
    private static final int EVENTS_PER_POLL = 256;
    private final long count;

    public NexmarkSource(long count) { this.count = count; }

    public static class NoSplit implements SourceSplit {
        public String splitId() { return "none"; }
    }

    @Override
    public Boundedness getBoundedness() { return Boundedness.BOUNDED; }

    @Override
    public SourceReader<NexmarkStream.Event, NoSplit> createReader(SourceReaderContext context) { return new Reader(count); }

    private static class Reader implements SourceReader<NexmarkStream.Event, NoSplit> {
        private final NexmarkStream stream = new NexmarkStream(1, 1_700_000_000_000_000L, 10_000);
        private long left;

        Reader(long count) { left = count; }

        public void start() {}
        public InputStatus pollNext(ReaderOutput<NexmarkStream.Event> output) {
            long turns = Math.min(left, EVENTS_PER_POLL);
            for (long turn = 0; turn < turns; turn++) output.collect(stream.next());
            left -= turns;
            return left > 0 ? InputStatus.MORE_AVAILABLE : InputStatus.END_OF_INPUT;
        }
        public List<NoSplit> snapshotState(long checkpoint) { return List.of(); }
        public CompletableFuture<Void> isAvailable() { return CompletableFuture.completedFuture(null); }
        public void addSplits(List<NoSplit> splits) {}
        public void notifyNoMoreSplits() {}
        public void close() {}
    }

    @Override
    public SplitEnumerator<NoSplit, Void> createEnumerator(SplitEnumeratorContext<NoSplit> context) {
        return new SplitEnumerator<>() {
            public void start() {}
            public void handleSplitRequest(int reader, String host) {}
            public void addSplitsBack(List<NoSplit> splits, int reader) {}
            public void addReader(int reader) {}
            public Void snapshotState(long checkpoint) { return null; }
            public void close() {}
        };
    }

    @Override
    public SplitEnumerator<NoSplit, Void> restoreEnumerator(SplitEnumeratorContext<NoSplit> context, Void state) {
        return createEnumerator(context);
    }

    @Override
    public SimpleVersionedSerializer<NoSplit> getSplitSerializer() { return new Nothing<>(new NoSplit()); }

    @Override
    public SimpleVersionedSerializer<Void> getEnumeratorCheckpointSerializer() { return new Nothing<>(null); }

    private static class Nothing<T> implements SimpleVersionedSerializer<T> {
        private final T value;

        Nothing(T value) { this.value = value; }

        public int getVersion() { return 1; }
        public byte[] serialize(T value) { return new byte[0]; }
        public T deserialize(int version, byte[] bytes) { return value; }
    }
}

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.util.MathUtils;

/**
 * Records what Flink's own classes answer: the key group of a hash code, the range of key groups of a subtask, the
 * subtask of a key group. An Integer's hashCode is its value, so assignToKeyGroup takes the hash as it is.
 *
 * <p>Run: {@code mvn -q compile exec:java -Dexec.args=../golden/flink-groups.json} (Java 17, Maven).
 */
public final class KeyGroups {
    private static final int[] MAX_PARALLELISMS = {1, 2, 7, 100, 128, 256, 1000, 4096, 32768};

    public static void main(String[] args) throws IOException {
        List<String> hashes = new ArrayList<>();
        Random random = new Random(1);
        int[] fixed = {0, 1, -1, 2, 127, 128, 255, 65536, 123456789, -123456789, Integer.MAX_VALUE, Integer.MIN_VALUE};
        for (int hash : fixed) hashes.add(hash(hash));
        for (int i = 0; i < 200; i++) hashes.add(hash(random.nextInt()));

        List<String> ranges = new ArrayList<>();
        int[][] shapes = {{128, 1}, {128, 2}, {128, 3}, {128, 127}, {128, 128}, {256, 1}, {256, 2}, {256, 3}, {256, 5},
            {256, 100}, {100, 7}, {4096, 333}, {32768, 1000}, {1, 1}, {7, 7}};
        for (int[] shape : shapes) ranges.add(shape(shape[0], shape[1]));

        Files.writeString(
            Path.of(args[0]),
            "{\"source\": \"KeyGroupRangeAssignment and MathUtils of Apache Flink 2.3.0, run by KeyGroups.java\",\n"
                + "\"maxParallelisms\": " + Arrays.toString(MAX_PARALLELISMS) + ",\n"
                + "\"hashes\": [\n" + String.join(",\n", hashes) + "\n],\n"
                + "\"ranges\": [\n" + String.join(",\n", ranges) + "\n]}\n");
    }

    private static String hash(int hash) {
        List<Integer> groups = new ArrayList<>();
        for (int max : MAX_PARALLELISMS) groups.add(KeyGroupRangeAssignment.assignToKeyGroup(hash, max));
        return "{\"hash\": " + hash + ", \"murmur\": " + MathUtils.murmurHash(hash) + ", \"keyGroups\": " + groups + "}";
    }

    private static String shape(int max, int parallelism) {
        List<String> ranges = new ArrayList<>();
        int step = Math.max(1, parallelism / 40);
        for (int subtask = 0; subtask < parallelism; subtask += step) ranges.add(range(max, parallelism, subtask));
        List<String> subtasks = new ArrayList<>();
        for (int group = 0; group < max; group += Math.max(1, max / 64)) {
            subtasks.add("[" + group + ", "
                + KeyGroupRangeAssignment.computeOperatorIndexForKeyGroup(max, parallelism, group) + "]");
        }
        return "{\"maxParallelism\": " + max + ", \"parallelism\": " + parallelism
            + ", \"subtaskStartEnd\": [" + String.join(", ", ranges)
            + "], \"keyGroupSubtask\": [" + String.join(", ", subtasks) + "]}";
    }

    private static String range(int max, int parallelism, int subtask) {
        KeyGroupRange range =
            KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex(max, parallelism, subtask);
        return "[" + subtask + ", " + range.getStartKeyGroup() + ", " + range.getEndKeyGroup() + "]";
    }

    private KeyGroups() {}
}

// SPDX-License-Identifier: MIT OR Apache-2.0
// A program for Java in the Debian guest (tools/test-debian knows what it prints): loops for both compilers of the virtual machine, threads,
// garbage, exceptions, and code that is thrown away because a class came later.
import java.math.BigInteger;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;
import java.util.zip.CRC32;

public class Check {
    interface Shape { double area(); }
    record Square(double a) implements Shape { public double area() { return a * a; } }
    record Circle(double r) implements Shape { public double area() { return r * r * 3.25; } }
    record Line(double l) implements Shape { public double area() { return 0; } }

    static double areas(Shape[] shapes) {
        double sum = 0;
        for (Shape s : shapes) sum += s.area();
        return sum;
    }

    static String shapes() {
        Shape[] all = new Shape[1000];
        double total = 0;
        for (int kind = 0; kind < 3; kind++)
            for (int round = 0; round < 400; round++) {
                for (int i = 0; i < all.length; i++)
                    all[i] = kind > 1 && i % 3 == 0 ? new Line(i) : kind > 0 && i % 2 == 0 ? new Circle(i) : new Square(i);
                total += areas(all);
            }
        return Double.toHexString(total);
    }

    static String floats() {
        double x = 0.5, sum = 0;
        float f = 1;
        for (int i = 1; i < 2_000_000; i++) {
            x = x * 3.7 * (1 - x);
            sum += Math.sqrt(x * i) / i + Math.fma(x, 0.25, -0.125) + (long) (x * 1e15) % 97 * 1e-4;
            f = f * 1.0000001f + (float) x * 1e-5f;
        }
        return Double.toHexString(sum) + " " + Float.toHexString(f) + " " + (int) Double.NaN + " " + (int) 1e20 + " " + (long) -1e30f;
    }

    static String digests() throws Exception {
        byte[] data = new byte[1 << 20];
        for (int i = 0; i < data.length; i++) data[i] = (byte) (i * i >> 3 ^ i);
        CRC32 crc = new CRC32();
        MessageDigest sha = MessageDigest.getInstance("SHA-256"), md5 = MessageDigest.getInstance("MD5");
        for (int i = 0; i < 10; i++) {
            crc.update(data);
            sha.update(data);
            md5.update(data);
        }
        return Long.toHexString(crc.getValue()) + " " + new BigInteger(1, sha.digest()).toString(16).substring(0, 12) + " "
            + new BigInteger(1, md5.digest()).toString(16).substring(0, 12) + " " + Arrays.hashCode(data);
    }

    static String big() {
        BigInteger p = BigInteger.TWO.pow(2203).subtract(BigInteger.ONE), b = BigInteger.valueOf(3);
        BigInteger f = BigInteger.ONE;
        for (int i = 2; i < 2000; i++) f = f.multiply(BigInteger.valueOf(i));
        return b.modPow(p.subtract(BigInteger.ONE), p) + " " + b.modPow(p.shiftRight(5), p).hashCode() + " " + f.toString().hashCode();
    }

    static String threads() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        ConcurrentHashMap<Integer, LongAdder> map = new ConcurrentHashMap<>();
        AtomicLong atomic = new AtomicLong();
        long[] plain = new long[1];
        Object lock = new Object();
        List<Future<?>> all = new ArrayList<>();
        for (int t = 0; t < 8; t++)
            all.add(pool.submit(() -> {
                for (int i = 0; i < 50000; i++) {
                    map.computeIfAbsent(i % 100, k -> new LongAdder()).add(i);
                    atomic.accumulateAndGet(i, Long::sum);
                    synchronized (lock) { plain[0] += 3; }
                }
            }));
        for (Future<?> one : all) one.get();
        SynchronousQueue<Integer> queue = new SynchronousQueue<>();
        Thread giver = new Thread(() -> {
            try { for (int i = 0; i < 3000; i++) queue.put(i); } catch (InterruptedException e) { throw new RuntimeException(e); }
        });
        giver.start();
        long taken = 0;
        for (int i = 0; i < 3000; i++) taken += queue.take();
        giver.join();
        pool.shutdown();
        return map.values().stream().mapToLong(LongAdder::sum).sum() + " " + atomic + " " + plain[0] + " " + taken;
    }

    static String garbage() {
        TreeMap<String, int[]> kept = new TreeMap<>();
        long sum = 0;
        for (int i = 0; i < 300000; i++) {
            int[] old = kept.put("key" + i % 3000, new int[] {i, i * 31, i ^ 5});
            if (old != null) sum += old[1];
        }
        return sum + " " + kept.firstKey() + " " + IntStream.range(0, 200000).parallel().mapToObj(Integer::toString).filter(s -> s.contains("77")).count();
    }

    static String faults() {
        int caught = 0;
        Object[] things = {null, "text", new int[3], 7};
        for (int i = 0; i < 200000; i++)
            try {
                Object o = things[i % 5];
                caught += o.hashCode() == 7 ? ((Integer) o) / (i & 1) : ((String) o).length();
            } catch (NullPointerException e) {
                caught += 1;
            } catch (ArrayIndexOutOfBoundsException e) {
                caught += 2;
            } catch (ClassCastException e) {
                caught += 3;
            } catch (ArithmeticException e) {
                caught += 5;
            }
        return "" + caught;
    }

    public static void main(String[] arguments) throws Exception {
        System.out.println("shapes " + shapes());
        System.out.println("floats " + floats());
        System.out.println("digests " + digests());
        System.out.println("big " + big());
        System.out.println("threads " + threads());
        System.out.println("garbage " + garbage());
        System.out.println("faults " + faults());
    }
}

package dev.iothreads.advice;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

import dev.iothreads.advice.Advice.Placement;
import dev.iothreads.advice.Advice.Severity;
import dev.iothreads.machine.Device;
import dev.iothreads.machine.DeviceState;
import dev.iothreads.machine.IOThread;

/**
 * Places devices on the IOThreads that there are, so that the busiest has less to do: the
 * device that does most first, each on the IOThread that has least so far (R. L. Graham,
 * Bounds on Multiprocessing Timing Anomalies, 1969: never above 4/3 of the best).
 */
final class PlacementRule implements Rule {

	// Below these it is not worth the unplug.
	private static final double LOADED_CPU = 50;

	private static final double LOADED_OPERATIONS = 1000;

	private static final double BETTER = 0.8;

	// What does less than this part of the whole stays where it is.
	private static final double LEAST_SHARE = 0.02;

	private static final double PERCENT = 100;

	@Override
	public List<Advice> examine(Situation situation) {
		List<IOThread> iothreads = situation.iothreads();
		if (iothreads.size() < 2 || !isLoaded(situation)) {
			return List.of();
		}
		Map<String, Double> fixed = new LinkedHashMap<>();
		iothreads.forEach((iothread) -> fixed.put(iothread.id(), 0.0));
		List<Movable> movable = new ArrayList<>();
		double total = situation.means().operations().values().stream().mapToDouble(Double::doubleValue).sum();
		for (Device device : situation.snapshot().devices()) {
			Double rate = situation.operations(device);
			if (device.state() == DeviceState.MAIN_LOOP || device.iothreads().isEmpty()) {
				continue;
			}
			if (device.state() != DeviceState.ATTACHED || !fixed.keySet().containsAll(device.iothreads())) {
				return List.of(); // it is on the move, or on a thread that is not shown
			}
			if (rate == null) {
				if (device.drive() != null) {
					return List.of();
				}
				continue; // it has no disk, and nothing is counted
			}
			if (device.iothreads().size() == 1 && rate >= total * LEAST_SHARE) {
				movable.add(new Movable(device, device.iothreads().get(0), rate));
			}
			else {
				device.iothreads().forEach((id) -> fixed.merge(id, rate / device.iothreads().size(), Double::sum));
			}
		}
		Map<String, String> now = new LinkedHashMap<>();
		movable.forEach((each) -> now.put(each.device().id(), each.on()));
		Map<String, String> then = place(movable, fixed);
		double before = most(movable, fixed, now);
		double after = most(movable, fixed, then);
		if (total <= 0 || after > before * BETTER) {
			return List.of();
		}
		return List.of(advice(situation, movable, fixed, total, now, then));
	}

	private static boolean isLoaded(Situation situation) {
		return situation.iothreads().stream().anyMatch((iothread) -> {
			Double cpu = PollingRule.workPercent(situation, iothread);
			Double operations = situation.operations(iothread);
			return (cpu != null) ? cpu > LOADED_CPU : operations != null && operations > LOADED_OPERATIONS;
		});
	}

	// Of two IOThreads that have the same so far, a device stays where it is.
	private static Map<String, String> place(List<Movable> movable, Map<String, Double> fixed) {
		Map<String, Double> sums = new LinkedHashMap<>(fixed);
		Map<String, String> places = new LinkedHashMap<>();
		movable.stream().sorted(Comparator.comparingDouble(Movable::rate).reversed()).forEach((each) -> {
			String place = sums.entrySet()
				.stream()
				.min(Map.Entry.<String, Double>comparingByValue()
					.thenComparing((entry) -> entry.getKey().equals(each.on()) ? 0 : 1))
				.orElseThrow()
				.getKey();
			places.put(each.device().id(), place);
			sums.merge(place, each.rate(), Double::sum);
		});
		return places;
	}

	private static double most(List<Movable> movable, Map<String, Double> fixed, Map<String, String> places) {
		return sums(movable, fixed, places).values().stream().mapToDouble(Double::doubleValue).max().orElse(0);
	}

	private static Map<String, Double> sums(List<Movable> movable, Map<String, Double> fixed,
			Map<String, String> places) {
		Map<String, Double> sums = new LinkedHashMap<>(fixed);
		movable.forEach(
				(each) -> sums.merge(Objects.requireNonNull(places.get(each.device().id())), each.rate(), Double::sum));
		return sums;
	}

	private static Advice advice(Situation situation, List<Movable> movable, Map<String, Double> fixed, double total,
			Map<String, String> now, Map<String, String> then) {
		List<Placement> before = placements(situation, sums(movable, fixed, now), total, now);
		List<Placement> after = placements(situation, sums(movable, fixed, then), total, then);
		Placement busiest = before.stream().max(Comparator.comparingDouble(Placement::sharePercent)).orElseThrow();
		double most = after.stream().mapToDouble(Placement::sharePercent).max().orElseThrow();
		List<String> idle = before.stream().filter((each) -> each.sharePercent() < 1).map(Placement::iothread).toList();
		List<Movable> moved = movable.stream()
			.filter((each) -> !each.on().equals(then.get(each.device().id())))
			.toList();
		String text = Situation.format(
				"IOThread %s does %.0f %% of the machine's operations with %s%s: with %s the "
						+ "busiest would have %.0f %%.",
				busiest.iothread(), busiest.sharePercent(), Situation.join(busiest.devices()),
				idle.isEmpty() ? "" : ", and " + Situation.join(idle) + ((idle.size() > 1) ? " are idle" : " is idle"),
				Situation.join(moved.stream()
					.map((each) -> each.device().id() + " on " + then.get(each.device().id()))
					.toList()),
				most);
		List<String> steps = new ArrayList<>();
		for (Movable each : moved) {
			steps.addAll(Steps.move(situation, each.device(), Objects.requireNonNull(then.get(each.device().id()))));
		}
		return new Advice("placement", Severity.WARNING, text, steps, before, after);
	}

	private static List<Placement> placements(Situation situation, Map<String, Double> sums, double total,
			Map<String, String> places) {
		return sums.entrySet()
			.stream()
			.map((sum) -> new Placement(sum.getKey(), situation.snapshot()
				.devices()
				.stream()
				.filter((device) -> places.containsKey(device.id()) ? sum.getKey().equals(places.get(device.id()))
						: device.iothreads().contains(sum.getKey()))
				.map(Device::id)
				.toList(), PERCENT * sum.getValue() / total))
			.toList();
	}

	private record Movable(Device device, String on, double rate) {

	}

}

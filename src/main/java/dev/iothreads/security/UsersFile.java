package dev.iothreads.security;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import org.springframework.scheduling.concurrent.CustomizableThreadFactory;

/**
 * A file with a user in each line, {@code name:encoded password:role}, as
 * {@code htpasswd -nB} prints it, with the role added. Without a role the user is a
 * viewer. Blank lines and lines that begin with # are skipped. The file is read again
 * when its content changes, by whatever means: a mounted Secret is replaced by a symbolic
 * link.
 */
final class UsersFile implements AutoCloseable {

	private static final Logger logger = LoggerFactory.getLogger(UsersFile.class);

	static final Duration INTERVAL = Duration.ofSeconds(10);

	private final Path path;

	private final Users users;

	private final ScheduledExecutorService thread;

	private byte[] seen = {};

	private boolean readable = true;

	/**
	 * Reads the file, and keeps reading it.
	 * @throws UnsafeSettingException when it cannot be used at the start
	 */
	UsersFile(Path path, Users users, Duration interval) {
		this.path = path;
		this.users = users;
		try {
			this.seen = Files.readAllBytes(path);
		}
		catch (IOException ex) {
			throw new UnsafeSettingException(List.of(unreadable(ex)));
		}
		users.replaceFileUsers(parse(this.seen));
		CustomizableThreadFactory factory = new CustomizableThreadFactory("users-file-");
		factory.setDaemon(true);
		this.thread = Executors.newSingleThreadScheduledExecutor(factory);
		this.thread.scheduleWithFixedDelay(this::readAgain, interval.toMillis(), interval.toMillis(),
				TimeUnit.MILLISECONDS);
	}

	private void readAgain() {
		try {
			byte[] content = Files.readAllBytes(this.path);
			this.readable = true;
			if (!Arrays.equals(content, this.seen)) {
				this.seen = content;
				int count = this.users.replaceFileUsers(parse(content));
				logger.info("{} has changed and has {} users now", this.path, count);
			}
		}
		catch (IOException ex) {
			if (this.readable) {
				this.readable = false;
				logger.error("{} The users who were read last stay.", unreadable(ex));
			}
		}
		catch (RuntimeException ex) {
			logger.error("{} The users who were read last stay.", ex.getMessage());
		}
	}

	private String unreadable(IOException ex) {
		return "iothreads.security.users-file: %s cannot be read (%s). Let the service read it.".formatted(this.path,
				ex.getClass().getSimpleName());
	}

	private Map<String, SecurityProperties.User> parse(byte[] content) {
		Map<String, SecurityProperties.User> parsed = new TreeMap<>();
		List<String> wrong = new ArrayList<>();
		int number = 0;
		for (String line : new String(content, StandardCharsets.UTF_8).lines().map(String::strip).toList()) {
			number++;
			if (line.isEmpty() || line.startsWith("#")) {
				continue;
			}
			String[] parts = line.split(":", -1);
			String role = (parts.length > 2) ? parts[2].toUpperCase(Locale.ROOT) : Role.VIEWER.name();
			if (parts.length < 2 || parts.length > 3 || parts[0].isBlank() || !Role.isName(role)
					|| !BoundedPasswordEncoder.isEncoded(parts[1])) {
				wrong.add(
						"%s: line %d is no user. Write name:password:role, with a password from 'htpasswd -nB NAME' and the role viewer or operator."
							.formatted(this.path, number));
			}
			else if (parsed.put(parts[0], new SecurityProperties.User(parts[1], Role.valueOf(role))) != null) {
				wrong.add("%s: line %d has a user again. Remove one of the lines.".formatted(this.path, number));
			}
		}
		if (!wrong.isEmpty()) {
			throw new UnsafeSettingException(wrong);
		}
		return parsed;
	}

	@Override
	public void close() {
		this.thread.shutdownNow();
	}

}

package dev.iothreads;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/**
 * Exposes the IOThreads of QEMU virtual machines over HTTP.
 */
@SpringBootApplication
public class IOThreadInventoryApplication {

	public static void main(String[] args) {
		SpringApplication.run(IOThreadInventoryApplication.class, args);
	}

}

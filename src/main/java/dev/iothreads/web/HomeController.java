package dev.iothreads.web;

import io.swagger.v3.oas.annotations.Hidden;

import org.springframework.stereotype.Controller;
import org.springframework.web.bind.annotation.GetMapping;

/**
 * Leads whoever comes to the front door to the API.
 */
@Controller
@Hidden
class HomeController {

	@GetMapping("/")
	String home() {
		return "redirect:/swagger-ui.html";
	}

}

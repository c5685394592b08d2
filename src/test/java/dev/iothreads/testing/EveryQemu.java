package dev.iothreads.testing;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

import org.junit.jupiter.api.ClassTemplate;
import org.junit.jupiter.api.TestTemplate;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Runs a test method, or every test of a class, once with each QEMU of this machine (see
 * {@link QemuBinary#all()}). The binary is a parameter of type {@link QemuBinary}: of the
 * method (and its {@code @BeforeEach} methods), or of the class's constructor.
 * <p>
 * Where no QEMU is found, one skipped test says what to install; with {@code CI=true} in
 * the environment it fails.
 */
@Target({ ElementType.METHOD, ElementType.TYPE })
@Retention(RetentionPolicy.RUNTIME)
@Documented
@TestTemplate
@ClassTemplate
@ExtendWith(QemuInvocations.class)
public @interface EveryQemu {

}

package dev.iothreads.contract;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

import dev.iothreads.testing.EveryQemu;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Runs a suite on every QEMU that is found, with a {@link Wiretap} before it. The suite's
 * constructor takes the {@link QemuSubject}. That there is a QEMU at all is for the tests
 * with {@link EveryQemu} to say.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@MethodSource("dev.iothreads.contract.QemuSubject#everyTapped()")
@interface EveryTappedQemu {

}

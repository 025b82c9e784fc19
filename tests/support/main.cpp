// The entry point of every GoogleTest program: allows more threads than the machine has processors, so that tests of
// thread independence really run their seven threads.
#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  oneapi::tbb::global_control threads(oneapi::tbb::global_control::max_allowed_parallelism, 16);
  return RUN_ALL_TESTS();
}

// error: could not convert|cannot convert|no viable conversion|no known conversion|no matching|invalid initialization
// A bare number is not silently a number of threads.
#include "waypost/base/parallel.hpp"

int Threads(const waypost::Parallelism& parallelism) {
  return parallelism.threads();
}

int main() {
#ifdef WRONG
  return Threads(2);
#else
  return Threads(waypost::Parallelism(2));
#endif
}

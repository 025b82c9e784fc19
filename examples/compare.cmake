# Runs COMMAND (its words separated by |) and compares its output with the file EXPECTED.
string(REPLACE "|" ";" words "${COMMAND}")
execute_process(COMMAND ${words} OUTPUT_VARIABLE output RESULT_VARIABLE result)
file(READ ${EXPECTED} expected)
if(NOT result EQUAL 0 OR NOT output STREQUAL expected)
  message(FATAL_ERROR "exit status ${result}\n-- want --\n${expected}\n-- got --\n${output}")
endif()

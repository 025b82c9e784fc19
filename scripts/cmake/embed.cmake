# cmake -DOUTPUT=FILE.cpp -DNAMESPACE=a::b -DFILES="kName=path|kOther=path" -P embed.cmake
#
# Writes a source that defines each file's bytes as a std::string_view.
string(REPLACE "|" ";" FILES "${FILES}")
set(text "#include <string_view>\n\nnamespace ${NAMESPACE} {\n")
foreach(entry IN LISTS FILES)
  string(REGEX MATCH "^([A-Za-z]+)=(.*)$" matched "${entry}")
  set(name ${CMAKE_MATCH_1})
  file(READ "${CMAKE_MATCH_2}" bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND text "static const char ${name}Bytes[] = {${bytes}};\n"
    "extern const std::string_view ${name};\nconst std::string_view ${name}(${name}Bytes, sizeof(${name}Bytes));\n")
endforeach()
file(WRITE "${OUTPUT}" "${text}}\n")

// The folder of a small sentence encoder, as files.
#ifndef WAYPOST_TESTS_SUPPORT_ENCODER_FOLDER_HPP_
#define WAYPOST_TESTS_SUPPORT_ENCODER_FOLDER_HPP_

#include <filesystem>
#include <fstream>
#include <string>

#include "reference/naive_bert.hpp"

namespace waypost::testing_support {

// Thirty tokens: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, then letters, pieces and marks.
inline std::string SmallTokenizer() {
  const char* const tokens[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "a",   "##a", "b",   "##b", "c",   "##c",
                                "##abc", "abc",   "ab",    ",",     ".",   "the", "##s", "e",   "##e", "cafe",
                                "##ing", "read",  "write", "1",     "##1", "!",   "x",   "##x", "i",   "##i"};
  std::string vocabulary;
  for (std::size_t n = 0; n < std::size(tokens); ++n)
    vocabulary += std::string(n == 0 ? "" : ",") + "\"" + tokens[n] + "\":" + std::to_string(n);
  return R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[
    {"id":0,"special":true,"content":"[PAD]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false},
    {"id":3,"special":true,"content":"[SEP]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false}],
    "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,
    "lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},
    "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},
    {"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}]},
    "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
    "vocab":{)" +
         vocabulary + "}}}";
}

inline void WriteText(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string SmallConfig(const reference::NaiveBert& bert) {
  return R"({"model_type":"bert","hidden_act":"gelu","layer_norm_eps":1e-12,"hidden_size":)" +
         std::to_string(bert.hidden) + ",\"num_hidden_layers\":" + std::to_string(bert.layers) +
         ",\"num_attention_heads\":" + std::to_string(bert.heads) +
         ",\"intermediate_size\":" + std::to_string(bert.intermediate) +
         ",\"max_position_embeddings\":" + std::to_string(bert.positions) +
         ",\"vocab_size\":" + std::to_string(bert.words) + "}";
}

inline void WriteEncoder(const std::filesystem::path& folder, const reference::NaiveBert& bert) {
  WriteText(folder / "config.json", SmallConfig(bert));
  WriteText(folder / "tokenizer.json", SmallTokenizer());
  WriteText(folder / "model.safetensors", reference::SafetensorsOf(bert.tensors));
  std::filesystem::create_directory(folder / "1_Pooling");
  WriteText(folder / "1_Pooling" / "config.json",
            std::string(R"({"pooling_mode_cls_token":)") + (bert.mean ? "false" : "true") +
                R"(,"pooling_mode_mean_tokens":)" + (bert.mean ? "true" : "false") + "}");
  WriteText(folder / "modules.json",
            std::string(R"([{"idx":0,"path":"","type":"sentence_transformers.models.Transformer"},
    {"idx":1,"path":"1_Pooling","type":"sentence_transformers.models.Pooling"})") +
                (bert.normalize ? R"(,{"idx":2,"path":"2_Normalize","type":"sentence_transformers.models.Normalize"}])"
                                : "]"));
}

}  // namespace waypost::testing_support

#endif  // WAYPOST_TESTS_SUPPORT_ENCODER_FOLDER_HPP_

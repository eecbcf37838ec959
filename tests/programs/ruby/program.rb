# Objects with the SDK for Ruby. `program.rb WAY BUCKET`
require "aws-sdk-s3"

way, bucket = ARGV
options = { region: ENV["AWS_REGION"], retry_limit: 0 }
case way
when "endpoint"
  options.update(endpoint: ENV["AWS_ENDPOINT_URL"], force_path_style: true)
when "proxy", "unsigned"
  options.update(endpoint: "http://s3.eu-west-1.amazonaws.com", http_proxy: ENV["HTTP_PROXY"])
end

def check(what, found, expected)
  raise "#{what}: #{found.inspect}, expected #{expected.inspect}" unless found == expected
end

bucket = Aws::S3::Resource.new(client: Aws::S3::Client.new(**options)).bucket(bucket)
File.binwrite("large", Random.bytes(20 << 20))
bucket.object("large").upload_file("large", multipart_threshold: 5 << 20)
# By ranges: the emulator gives the whole object for each of its parts.
bucket.object("large").download_file("back", mode: "get_range", chunk_size: 5 << 20)
check("the large one", File.binread("back") == File.binread("large"), true)
bucket.object("dir//ä +%2F.txt").put(body: "odd")
check("the odd one", bucket.object("dir//ä +%2F.txt").get.body.read, "odd")
bucket.object("streamed").upload_stream { |stream| 12.times { stream << "0" * (1 << 20) } }
check("the streamed one", bucket.object("streamed").content_length, 12 << 20)
bucket.object("copy").copy_from(bucket.object("dir//ä +%2F.txt"))
check("the keys", bucket.objects.map(&:key).sort, ["copy", "dir//ä +%2F.txt", "large", "streamed"])
bucket.objects.batch_delete!
check("what is left", bucket.objects.count, 0)

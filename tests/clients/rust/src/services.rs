use crate::{Clients, Result};
use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use aws_sdk_kms::primitives::Blob;
use std::collections::HashMap;
use std::time::Duration;

const TEXT: &str = "Grüße & <Welt>, 世界 😀";

pub(crate) async fn dynamodb(clients: &Clients) -> Result {
    let (dynamodb, table) = (&clients.dynamodb, format!("{}-table", clients.prefix));
    let id = AttributeValue::S("1".to_owned());
    let item = HashMap::from([
        ("id".to_owned(), id.clone()),
        ("text".to_owned(), AttributeValue::S(TEXT.to_owned())),
    ]);
    let key = KeySchemaElement::builder()
        .attribute_name("id")
        .key_type(KeyType::Hash)
        .build()?;
    let attribute = AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(ScalarAttributeType::S)
        .build()?;
    dynamodb
        .create_table()
        .table_name(&table)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key)
        .attribute_definitions(attribute)
        .send()
        .await?;
    let exists = dynamodb.wait_until_table_exists().table_name(&table);
    exists.wait(Duration::from_secs(60)).await?;
    let put = dynamodb.put_item().table_name(&table);
    put.set_item(Some(item.clone())).send().await?;
    let get = dynamodb.get_item().table_name(&table);
    let got = get.key("id", id.clone()).send().await?;
    if got.item() != Some(&item) {
        return Err(format!("got another item: {:?}", got.item()).into());
    }
    let query = dynamodb.query().table_name(&table);
    let query = query.key_condition_expression("id = :id");
    let found = query.expression_attribute_values(":id", id).send().await?;
    if found.items() != [item] {
        return Err(format!("the query found {:?}", found.items()).into());
    }
    dynamodb.delete_table().table_name(&table).send().await?;
    Ok(())
}

pub(crate) async fn sqs(clients: &Clients) -> Result {
    let (sqs, name) = (&clients.sqs, format!("{}-queue", clients.prefix));
    let queue = sqs.create_queue().queue_name(name).send().await?;
    let url = queue.queue_url().ok_or("the queue has no URL")?;
    let send = sqs.send_message().queue_url(url);
    send.message_body(TEXT).send().await?;
    let receive = sqs.receive_message().queue_url(url);
    let received = receive.wait_time_seconds(1).send().await?;
    let [message] = received.messages() else {
        return Err(format!("received {:?}", received.messages()).into());
    };
    if message.body() != Some(TEXT) {
        return Err(format!("received {:?}", message.body()).into());
    }
    let delete = sqs.delete_message().queue_url(url);
    let delete = delete.set_receipt_handle(message.receipt_handle().map(str::to_owned));
    delete.send().await?;
    sqs.delete_queue().queue_url(url).send().await?;
    Ok(())
}

pub(crate) async fn sns(clients: &Clients) -> Result {
    let (sns, name) = (&clients.sns, format!("{}-topic", clients.prefix));
    let topic = sns.create_topic().name(name).send().await?;
    let arn = topic.topic_arn().ok_or("the topic has no ARN")?;
    let published = sns.publish().topic_arn(arn).message(TEXT).send().await?;
    if published.message_id().is_none() {
        return Err("the message was published without an id".into());
    }
    sns.delete_topic().topic_arn(arn).send().await?;
    Ok(())
}

pub(crate) async fn secretsmanager(clients: &Clients) -> Result {
    let (secrets, name) = (&clients.secrets, format!("{}/secret", clients.prefix));
    let create = secrets.create_secret().name(&name);
    create.secret_string(TEXT).send().await?;
    let secret = secrets.get_secret_value().secret_id(&name).send().await?;
    if secret.secret_string() != Some(TEXT) {
        return Err("the secret is another one".into());
    }
    let delete = secrets.delete_secret().secret_id(&name);
    delete.force_delete_without_recovery(true).send().await?;
    Ok(())
}

pub(crate) async fn kms(clients: &Clients) -> Result {
    let kms = &clients.kms;
    let created = kms.create_key().send().await?;
    let key = created.key_metadata().ok_or("the key has no id")?.key_id();
    let encrypt = kms.encrypt().key_id(key).plaintext(Blob::new(TEXT));
    let encrypted = encrypt.send().await?;
    let decrypt = kms.decrypt().key_id(key);
    let decrypt = decrypt.set_ciphertext_blob(encrypted.ciphertext_blob);
    let decrypted = decrypt.send().await?;
    if decrypted.plaintext() != Some(&Blob::new(TEXT)) {
        return Err(format!("decrypted to {:?}", decrypted.plaintext()).into());
    }
    Ok(())
}

pub(crate) async fn lambda(clients: &Clients) -> Result {
    let invoke = clients.lambda.invoke().function_name("echo");
    let payload = aws_sdk_lambda::primitives::Blob::new(r#"{"text": "Grüße"}"#);
    let answer = invoke.payload(payload).send().await?;
    if answer.status_code() != 200 {
        return Err(format!("status {}", answer.status_code()).into());
    }
    Ok(())
}

pub(crate) async fn sts(clients: &Clients) -> Result {
    let caller = clients.sts.get_caller_identity().send().await?;
    if !caller
        .arn()
        .is_some_and(|arn| arn.contains("assumed-role/"))
    {
        return Err(format!("the caller is {:?}", caller.arn()).into());
    }
    Ok(())
}

-- The accounting system's base, with tables and columns named as a 1C-like system names them.
-- Every row says when it was last changed; primary keys begin with the account.

CREATE TABLE "ЛицевыеСчета" (
    "ЛС"            varchar(30) NOT NULL,
    "ЕЛС"           varchar(10),
    "КодАбонента"   varchar(20) NOT NULL,
    "ФИО"           varchar(500) NOT NULL,
    "ВидАбонента"   varchar(10) NOT NULL,
    "АбонентС"      date,
    "Адрес"         varchar(500) NOT NULL,
    "Площадь"       numeric(18,6),
    "Проживает"     integer,
    "Открыт"        date,
    "Закрыт"        date,
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "Услуги" (
    "Услуга"        varchar(30) NOT NULL,
    "Компонент"     varchar(30) NOT NULL,
    "Наименование"  varchar(200) NOT NULL,
    "Единица"       varchar(20) NOT NULL,
    "Порядок"       integer NOT NULL,
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "Начисления" (
    "ЛС"                 varchar(30) NOT NULL,
    "Месяц"              date NOT NULL,
    "Услуга"             varchar(30) NOT NULL,
    "Компонент"          varchar(30) NOT NULL,
    "Объем"              numeric(18,6),
    "Тариф"              numeric(18,6),
    "СпособРасчета"      varchar(40) NOT NULL,
    "Начислено"          numeric(15,2) NOT NULL,
    "Перерасчет"         numeric(15,2) NOT NULL,
    "ПричинаПерерасчета" varchar(200),
    "Льгота"             numeric(15,2) NOT NULL,
    "Итого"              numeric(15,2) NOT NULL,
    "ДатаИзменения"      timestamptz NOT NULL
);

CREATE TABLE "Сальдо" (
    "ЛС"              varchar(30) NOT NULL,
    "Месяц"           date NOT NULL,
    "Услуга"          varchar(30) NOT NULL,
    "СальдоНачальное" numeric(15,2) NOT NULL,
    "Начислено"       numeric(15,2) NOT NULL,
    "Перерасчет"      numeric(15,2) NOT NULL,
    "Льгота"          numeric(15,2) NOT NULL,
    "Пени"            numeric(15,2) NOT NULL,
    "Оплачено"        numeric(15,2) NOT NULL,
    "СальдоКонечное"  numeric(15,2) NOT NULL,
    "ДатаИзменения"   timestamptz NOT NULL
);

CREATE TABLE "Квитанции" (
    "ЛС"              varchar(30) NOT NULL,
    "Месяц"           date NOT NULL,
    "Номер"           varchar(30) NOT NULL,
    "ДатаВыставления" date NOT NULL,
    "СрокОплаты"      date NOT NULL,
    "ОплатыПо"        date,
    "КОплате"         numeric(15,2) NOT NULL,
    "Состояние"       varchar(20) NOT NULL,
    "ДатаИзменения"   timestamptz NOT NULL
);

CREATE TABLE "Платежи" (
    "ЛС"             varchar(30) NOT NULL,
    "НомерДокумента" varchar(40) NOT NULL,
    "Дата"           date NOT NULL,
    "Месяц"          date NOT NULL,
    "Сумма"          numeric(15,2) NOT NULL,
    "Канал"          varchar(60) NOT NULL,
    "ДатаИзменения"  timestamptz NOT NULL
);

CREATE TABLE "ПриборыУчета" (
    "ЛС"             varchar(30) NOT NULL,
    "Прибор"         varchar(40) NOT NULL,
    "ЗаводскойНомер" varchar(40) NOT NULL,
    "Услуга"         varchar(30) NOT NULL,
    "Модель"         varchar(100),
    "Место"          varchar(100),
    "Единица"        varchar(20) NOT NULL,
    "ЗнаковДо"       integer NOT NULL,
    "ЗнаковПосле"    integer NOT NULL,
    "Установлен"     date NOT NULL,
    "Снят"           date,
    "Поверен"        date,
    "ПоверкаДо"      date,
    "Автоматический" boolean NOT NULL,
    "ДатаИзменения"  timestamptz NOT NULL
);

CREATE TABLE "Показания" (
    "ЛС"            varchar(30) NOT NULL,
    "Прибор"        varchar(40) NOT NULL,
    "Показание"     varchar(40) NOT NULL,
    "Дата"          date NOT NULL,
    "Месяц"         date NOT NULL,
    "Значение"      numeric(18,6) NOT NULL,
    "Источник"      varchar(20) NOT NULL,
    "ДатаИзменения" timestamptz NOT NULL
);

CREATE TABLE "Документы" (
    "ЛС"            varchar(30) NOT NULL,
    "Документ"      varchar(40) NOT NULL,
    "Вид"           varchar(20) NOT NULL,
    "Номер"         varchar(60) NOT NULL,
    "Дата"          date NOT NULL,
    "Наименование"  varchar(300) NOT NULL,
    "ДатаИзменения" timestamptz NOT NULL
);
